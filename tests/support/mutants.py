"""Mutation testing of the numeric core and the guards: which small faults does the suite find?

`sample` draws mutants, each one small change of one expression or statement, and writes them to mutants.json. `run`
puts each into a copy of the tree and runs the tests that reach its line, fastest first, until one fails. A mutant is
kept by its function and the text of its line, so the same sample can be run again when code has moved.

    python tests/support/mutants.py sample --number 90
    python tests/support/mutants.py run --record after
"""

import argparse
import ast
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path
from queue import SimpleQueue
from typing import Any

ROOT = Path(__file__).parents[2]
SAMPLE = Path(__file__).with_suffix(".json")
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".snakemake", "results", "resources")
SECONDS = 240  # a mutant's tests end then; one that loops for ever is found by this
PARTS = {  # mutants drawn from each part, of every 100
    "metrics": (22, ["metrics/*.py"]),
    "ranking": (24, ["ranking/*.py", "codes.py"]),
    "splits": (10, ["splits.py", "datasets/leaks.py"]),
    "store": (18, ["store/*.py"]),
    "losses": (14, [f"hashing/deep/{name}.py" for name in ("dsh", "hashnet", "bihalf", "selection")]),
    "statistics": (
        12,
        [*(f"evaluation/{name}.py" for name in ("significance", "cell")), "report/differences.py", "ids.py"],
    ),
}
SWAPS: dict[type, str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "//", ast.Pow: "*",
    ast.BitAnd: "|", ast.BitOr: "&", ast.LShift: ">>", ast.RShift: "<<", ast.And: "or", ast.Or: "and",
}  # fmt: skip
NAMES = {"min": "max", "any": "all", "minimum": "maximum", "argmin": "argmax", "sum": "mean", "ones": "zeros"}
NAMES |= {new: old for old, new in NAMES.items()} | {"sort": "copy", "left": "right"}


def changes(tree: ast.AST, text: str) -> Iterator[tuple[ast.AST, str, str]]:
    """Yield (node, its text, what a mutant has there) for each change that the operators know."""
    skipped = {id(inner) for node in ast.walk(tree) for inner in _not_code(node)}
    for node in ast.walk(tree):
        before = ast.get_source_segment(text, node) if hasattr(node, "lineno") and id(node) not in skipped else None
        if before is None or "\n" in before:
            continue
        for after in _changed(node, text, before):
            yield node, before, after


def _not_code(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands in annotations, in messages of errors, and in axes, which are swapped as a whole."""
    for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
        if part is not None:
            yield from ast.walk(part)
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.Assert) or (
        isinstance(node, ast.keyword) and node.arg == "axis"
    ):
        yield from (inner for inner in ast.walk(node) if inner is not node)
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in ("Literal", "NDArray"):
        yield from ast.walk(node)


def _changed(node: ast.AST, text: str, before: str) -> Iterator[str]:
    def between(left: ast.AST, right: ast.AST, operator: ast.AST) -> Iterator[str]:
        if any(isinstance(side, ast.Constant | ast.JoinedStr) and not _is_number(side) for side in (left, right)):
            return
        one, other = (ast.get_source_segment(text, side) for side in (left, right))
        middle = before[len(one) : len(before) - len(other)] if one and other else ""
        if one and other and before.startswith(one) and before.endswith(other):
            word = middle.strip(" ()")
            if word and middle.count(word) == 1:
                yield one + middle.replace(word, SWAPS[type(operator)]) + other

    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in SWAPS:
        yield from between(node.left, node.comparators[0], node.ops[0])
    elif isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
        yield from between(node.left, node.right, node.op)
    elif isinstance(node, ast.BoolOp) and len(node.values) == 2:
        yield from between(node.values[0], node.values[1], node.op)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert | ast.USub):
        yield ast.get_source_segment(text, node.operand) or before
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        yield str(not node.value) if isinstance(node.value, bool) else f"({before} + 1)"
    elif isinstance(node, ast.Raise):
        yield "pass"
    elif isinstance(node, ast.keyword) and before in ("axis=0", "axis=1"):
        yield "axis=1" if before == "axis=0" else "axis=0"
    elif isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield before.removesuffix(node.attr) + NAMES[node.attr]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
        yield NAMES[node.func.id] + before.removeprefix(node.func.id)


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def functions(tree: ast.Module) -> dict[str, tuple[int, int]]:
    """First and last line of each function by its qualified name; "" is the module."""
    found = {"": (1, 10**9)}

    def look(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                name = f"{prefix}{child.name}"
                if isinstance(child, ast.FunctionDef):
                    found[name] = (child.lineno, child.end_lineno or child.lineno)
                look(child, f"{name}.")

    look(tree, "")
    return found


def sample(number: int, seed: int) -> list[dict[str, Any]]:
    """Draw mutants from each part, from its modules in turn, no two on one line."""
    rng, drawn = random.Random(seed), []  # noqa: S311 (no secret)
    for part, (share, patterns) in PARTS.items():
        modules = [
            sorted(
                {mutant["line"]: mutant for mutant in rng.sample(found, len(found))}.values(),
                key=lambda _: rng.random(),
            )
            for pattern in patterns
            for path in sorted((ROOT / "src/l2h").glob(pattern))
            if (found := list(mutants_of(path)))
        ]
        turns = [{"part": part, **mutant} for turn in zip_longest(*modules) for mutant in turn if mutant]
        drawn += turns[: round(share * number / 100)]
    return [{"id": number, **mutant, "verdicts": {}} for number, mutant in enumerate(drawn)]


def mutants_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield all mutants of a module."""
    text = path.read_text()
    tree = ast.parse(text)
    ranges, lines = functions(tree), text.splitlines()
    for node, before, after in changes(tree, text):
        inside = [name for name, (first, last) in ranges.items() if first <= node.lineno <= last]
        line = lines[node.lineno - 1]
        column = len(line.encode()[: node.col_offset].decode()) - len(line) + len(line.lstrip())
        yield {
            "module": str(path.relative_to(ROOT / "src/l2h")),
            "function": max(inside, key=len),
            "line": line.strip(),
            "column": column,
            "before": before,
            "after": after,
        }


def locate(mutant: dict[str, Any], root: Path) -> tuple[Path, int]:
    """The file and line (from 1) where a mutant's line stands now; raises LookupError if it is gone."""
    package = root / "src/l2h"
    paths = sorted(package.rglob("*.py"), key=lambda path: path != package / mutant["module"])
    for path in paths:
        text = path.read_text()
        ranges = functions(ast.parse(text))
        first, last = ranges.get(mutant["function"], (1, 0))
        for number, line in enumerate(text.splitlines(), 1):
            if first <= number <= last and line.strip() == mutant["line"]:
                return path, number
    raise LookupError(f"mutant {mutant['id']}: {mutant['line']!r} is gone from {mutant['function']}")


def mutate(mutant: dict[str, Any], root: Path) -> tuple[Path, int]:
    """Put a mutant into a tree."""
    path, number = locate(mutant, root)
    lines = path.read_text().splitlines(keepends=True)
    line = lines[number - 1]
    start = len(line) - len(line.lstrip()) + mutant["column"]
    end = start + len(mutant["before"])
    assert line[start:end] == mutant["before"], mutant
    lines[number - 1] = line[:start] + mutant["after"] + line[end:]
    path.write_text("".join(lines))
    return path, number


# Given to pytest by -p: notes which test reaches which line, and how long each takes.


class Reach:
    """A plugin for one pytest process."""

    def __init__(self, folder: Path, source: Path):
        import coverage

        self.folder, self.worker = folder, os.environ.get("PYTEST_XDIST_WORKER", "main")
        self.coverage = coverage.Coverage(data_file=folder / f"{self.worker}.coverage", source=[str(source)])
        self.coverage.start()
        self.seconds: Counter[str] = Counter()

    def pytest_runtest_setup(self, item: Any) -> None:
        self.coverage.switch_context(item.nodeid.partition("::")[0])

    def pytest_runtest_call(self, item: Any) -> None:
        self.coverage.switch_context(item.nodeid.partition("[")[0])

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid.partition("[")[0]] += report.duration

    def pytest_sessionfinish(self) -> None:
        self.coverage.stop()
        self.coverage.save()
        (self.folder / f"{self.worker}.json").write_text(json.dumps(self.seconds))


def pytest_configure(config: Any) -> None:
    """Begin to note, in the main process where it runs tests itself, and in each worker."""
    if "L2H_REACH" in os.environ and (config.getoption("numprocesses", None) is None or hasattr(config, "workerinput")):
        config.pluginmanager.register(Reach(Path(os.environ["L2H_REACH"]), Path(os.environ["L2H_SOURCE"])))


def pytest(root: Path, *arguments: str, seconds: int | None = None, **environment: str) -> tuple[int | None, str]:
    """Run tests of a tree on its own sources; the exit code is None where time was up."""
    paths = os.pathsep.join(map(str, (root / "src", Path(__file__).parent)))
    variables = {**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "0", **environment}
    arguments = f"--basetemp={root}-tests", *arguments
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    pipes = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=root, env=variables, start_new_session=True, **pipes) as process:
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None, ""
    return process.returncode, said


class Map:
    """Which tests reach a line of a tree, fastest first."""

    def __init__(self, folder: Path, source: Path):
        import coverage

        self.source = source
        self.files: dict[str, dict[int, set[str]]] = {}
        self.seconds: Counter[str] = Counter()
        for path in folder.glob("*.coverage"):
            data = coverage.CoverageData(str(path))
            data.read()
            for file in data.measured_files():
                lines = self.files.setdefault(str(Path(file).relative_to(source)), defaultdict(set))
                for line, contexts in data.contexts_by_lineno(file).items():
                    lines[line] |= set(filter(None, contexts))
        for path in folder.glob("*.json"):
            self.seconds.update(json.loads(path.read_text()))

    def tests(self, path: Path, line: int) -> list[str]:
        """Ids of tests, and files of tests where a fixture reaches the line; of the module, where no line is traced."""
        lines = self.files.get(str(path.relative_to(self.source)), {})
        reached = lines.get(line) or set().union(*lines.values())
        reached |= {test for test in self.seconds if test.partition("::")[0] in reached}
        return sorted((test for test in reached if "::" in test), key=lambda test: self.seconds[test])


def run(root: Path, mutants: list[dict[str, Any]], record: str, tests: list[str], jobs: int) -> None:
    """Judge each mutant, and note "killed by TEST", "survived", "timed out" or "gone"."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(jobs):
            shutil.copytree(root, work / str(number), ignore=LEFT_OUT, symlinks=True)
            trees.put(work / str(number))
        (work / "reach").mkdir()
        first = work / "0"
        code, said = pytest(
            first,
            "-p",
            "mutants",
            "-n",
            str(jobs),
            *tests,
            L2H_REACH=str(work / "reach"),
            L2H_SOURCE=str(first / "src"),
        )
        print(said[-1500:], flush=True)
        if code:
            sys.exit("the suite fails without a mutant")
        reach = Map(work / "reach", first / "src")

        def judge(mutant: dict[str, Any]) -> None:
            tree = trees.get()
            try:
                path, line = locate(mutant, tree)
            except LookupError:
                mutant["verdicts"][record] = "gone"
            else:
                text = path.read_text()
                reached = reach.tests(tree.parent / "0" / path.relative_to(tree), line)
                mutate(mutant, tree)
                killers = {verdict.removeprefix("killed by ") for verdict in mutant["verdicts"].values()}
                reached.sort(key=lambda test: test not in killers)  # what killed it before goes first
                mutant["verdicts"][record] = verdict(tree, reached) if reached else "reached by no test"
                path.write_text(text)
            trees.put(tree)
            print(mutant["id"], mutant["module"], mutant["function"], mutant["verdicts"][record], flush=True)

        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(judge, mutants))


def verdict(tree: Path, tests: list[str]) -> str:
    """The outcome of a mutant in a tree."""
    code, said = pytest(tree, "-x", "--override-ini=addopts=", *tests, seconds=SECONDS)
    if code is None:
        return "timed out"
    failed = [line.split()[1] for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return (
        f"killed by {failed[0].partition('[')[0]}"
        if code == 1 and failed
        else f"killed ({code})"
        if code
        else "survived"
    )


def table(mutants: list[dict[str, Any]]) -> str:
    """Markdown: a row per module, with killed and drawn mutants of each record."""
    records = list(dict.fromkeys(name for mutant in mutants for name in mutant["verdicts"]))
    lines = [f"| module | mutants | {' | '.join(records)} |", "|:--|--:|" + "--:|" * len(records)]
    for module in [*dict.fromkeys(mutant["module"] for mutant in mutants), None]:
        some = [mutant for mutant in mutants if module in (None, mutant["module"])]
        killed = [
            sum(mutant["verdicts"].get(name, "").startswith(("killed", "timed")) for mutant in some) for name in records
        ]
        lines.append(f"| {module or '**all**'} | {len(some)} | {' | '.join(map(str, killed))} |")
    return "\n".join(lines)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    drawing = commands.add_parser("sample", help="draw mutants, and rewrite mutants.json")
    drawing.add_argument("--number", type=int, default=96)
    drawing.add_argument("--seed", type=int, default=0)
    running = commands.add_parser("run", help="judge each mutant by the tests that reach it")
    running.add_argument("--record", required=True, help="the name that verdicts are kept under")
    running.add_argument("--root", type=Path, default=ROOT, help="the tree to judge")
    running.add_argument("--jobs", type=int, default=2)
    running.add_argument("--only", type=int, nargs="*", help="ids of mutants")
    running.add_argument("tests", nargs="*", help="arguments for pytest that choose the tests")
    arguments = parser.parse_args()
    if arguments.command == "sample":
        mutants = sample(arguments.number, arguments.seed)
    else:
        mutants = json.loads(SAMPLE.read_text())
        chosen = [mutant for mutant in mutants if arguments.only is None or mutant["id"] in arguments.only]
        run(arguments.root, chosen, arguments.record, arguments.tests, arguments.jobs)
    SAMPLE.write_text(json.dumps(mutants, indent=1) + "\n")
    print(table(mutants))


if __name__ == "__main__":
    main()
