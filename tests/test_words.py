"""Words and phrases that STYLE.md replaces do not come back: each hit names file, line and what to write instead."""

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WHERE = ("Snakefile", "Makefile", "CHANGELOG.md", "src/**/*.py", "rules/*.smk", "workflow/**/*.py", "workflow/**/*.rst")
WHERE += ("config/*", "profiles/**/*.yaml", "README.md", "docs/**/*.md", "benchmarks/*.md", "benchmarks/*.py")
WHERE += ("SECURITY.md", "CONTRIBUTING.md", "examples/*", "envs/*", ".ci/*.py", "tests/**/*.py")
INSTEAD = {
    r"\bdata[ -]sets?\b(?! (\{dataset\}|digits\b))": "dataset",  # a bundle's licences have such keys
    r"(?<![-/\w])pictures?\b(?!/)": "image",
    r"\bstrangers?\b": "untrusted file",
    r"\bpretend(s|ed)?\b": "fake, simulated",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"(?<![-/\w.\"])(?<!Xeon\(R\) )processors?\b(?! :|\()": "CPU",  # not the name of one, nor of a variable
    r"\bby hand\b": "yourself, manually",
    r"\banew\b": "again",
    r"\bwithout a word\b": "silently",
    r"\bfrom elsewhere\b": "external",
    r"\bmade elsewhere\b": "external",
    r"\bmade again\b": "recreated, rerun",
    r"\brests? on\b": "depends on",
    r"\b(go(es)?|going) on (after|from|with)\b": "resume, continue",
    r"\bto its end\b": "finish",
    r"\bwould have printed\b": "scores under common evaluation bugs",
    r"\bdone again\b": "rerun",
    r"\bthe user's to\b": "the user can, the user must",
    r"\bcannot be had\b": "is not available",
    r"\bno whole\b": "not a complete",
    r"(?<!\bthere )\b(is|are) no (\w+ )?(file|folder|array|model|config|bundle|run|image|list|number|object)s?\b": (
        "is not a ..."
    ),
    r"\bwhere there is (no|none)\b": "if ... is missing",
    r"\b(amongst?) equals\b": "ties are broken by",
    r"\bdoes not stand in\b": "is not in",
    r"\ball is well\b": "success",
    r"\bmakes? no sense\b": "is invalid",
}
ANY = re.compile("|".join(INSTEAD), re.IGNORECASE)


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers and text: of Python only docstrings, other strings, comments, and names of tests as words."""
    text = path.read_text(encoding="utf-8")
    if path.suffix not in (".py", ".smk"):
        yield from enumerate(text.splitlines(), 1)
        return
    for number, line in enumerate(text.splitlines(), 1):
        if name := re.match(r" *def (test_\w+)", line):
            yield number, name[1].replace("_", " ")
    if not ANY.search(text):  # true of most files, whose tokens are not needed then
        return
    kinds = (tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.COMMENT))
    with path.open(encoding="utf-8") as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type in kinds and " " in token.string:
                yield from enumerate(token.string.splitlines(), token.start[0])


def hits(number: int, line: str) -> list[str]:
    """The replaced phrases in a line."""
    found = ((re.search(pattern, line, re.IGNORECASE), words) for pattern, words in INSTEAD.items())
    return [f"{number}: {match.group()!r}; write {words!r}" for match, words in found if match]


def test_replaced_phrases_do_not_come_back():
    found = {path for pattern in WHERE for path in ROOT.glob(pattern) if path.is_file()}
    paths = sorted(found - {Path(__file__)})
    names = {path: path.relative_to(ROOT).as_posix() for path in paths}
    assert len(paths) > 300
    wrong = [f"{names[path]}:{hit}" for path in paths for number, line in prose(path) for hit in hits(number, line)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("A data set from a stranger", ["dataset", "untrusted file"]),
        ("which are the user's to mend by hand", ["fix", "yourself, manually", "the user can, the user must"]),
        ("a.npy is no parquet file", ["is not a ..."]),
        ("root: pictures/pets, --picture FILE", []),
        ("a dataset of images, computed on a CPU", []),
    ],
)
def test_each_hit_names_what_to_write_instead(line, words):
    assert hits(7, line) == [f"7: {hit.split(': ', 1)[1]}" for hit in hits(0, line)]
    assert [hit.rpartition("; write ")[2].strip("'\"") for hit in hits(7, line)] == words
