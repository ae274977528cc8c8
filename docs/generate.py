"""Write the files that follow from the code: reference and JSON schema of a config, and lists of what is registered."""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from inspect import cleandoc
from os.path import relpath
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from docstrings import described, labelled, markdown, sections
from l2h import backbones, charts, codes, datasets, extras, hashing, metrics, ranking, splits
from l2h.cli.registered import parameters
from l2h.config.schema import alternatives, schema
from l2h.hashing import sources
from l2h.hashing.deep import DeepHasher, full
from l2h.report import published
from l2h.splits import Protocol

ROOT = Path(__file__).parents[1]
KINDS = {"string": "text", "object": "mapping", "array": "list"}
REFERENCE = "docs/reference"
METHODS = f"{REFERENCE}/methods"
DEEP = "Deep methods"
TITLES = {  # of the kinds of methods
    "shallow": "Shallow methods",
    "deep": DEEP,
    "baseline": "Baselines",
    "exact": "Baselines",
    "external": "External codes",
}
TAKEN = {  # titles of the kinds of metrics, by what they take
    "ranking": "Of any ranking",
    "histogram": "Of Hamming distances",
    "codes": "Of codes",
    "selection": "Of a training's record",
}
LIMITS = {"minimum": "from {}", "exclusiveMinimum": "above {}", "maximum": "to {}"}


def config_schema() -> str:
    """The JSON schema of a config, by which editors complete keys and mark mistakes."""
    text = yaml.safe_dump(schema(), sort_keys=False, width=120)
    return f"# Generated from l2h.config.models by `make docs`; do not edit.\n{text}"


def config_page() -> str:
    """Every key of a config: a table of the top level, then one of each section."""
    whole = schema()
    lines = [
        "# Config reference",
        "",
        "Generated from [`l2h.config.models`](../../src/l2h/config/models.py) by `make docs`; do not edit. For editors",
        "there is [a JSON schema](../../workflow/schemas/config.schema.yaml).",
        "",
        _text(whole["description"]),
        "A wrong key or value stops a run before its first job, with one line that names the key, the value and what",
        "is allowed; `l2h check-config FILE` shows it without a run. Paths are relative to the working directory.",
        *_tables("", whole),
    ]
    return "\n".join(lines) + "\n"


def _tables(name: str, section: dict[str, Any]) -> list[str]:
    """The table of a section's keys, then those of the sections inside it."""
    lines = ["", f"## {name}" if name else "## Top level", ""]
    if name:
        lines += [_text(section["description"]), ""]
    lines += ["| key | type | default | description |", "|---|---|---|---|"]
    inner: list[str] = []
    for key, value in section["properties"].items():
        default = "required" if key in section.get("required", []) else _default(value)
        lines.append(f"| `{key}` | {_type(value)} | {default} | {_text(value['description'])} |")
        path = f"{name}.{key}" if name else key
        for one in alternatives(value):
            if "properties" in one:
                inner += _tables(path, one)
            for item in alternatives(one.get("items", {})):
                if "properties" in item:
                    inner += _tables(f"{path}[]", item)
    return lines + inner


def _text(words: str) -> str:
    """Words as Markdown shows them in a table; in `code`, "<" stands for itself."""
    parts = words.replace("|", "\\|").split("`")
    return "`".join(part if number % 2 else part.replace("<", "&lt;") for number, part in enumerate(parts))


def _default(value: dict[str, Any]) -> str:
    """The default as YAML, or, if it follows from other keys, in words."""
    if "x-default" in value:
        return _text(value["x-default"])
    return f"`{yaml.safe_dump(value['default'], default_flow_style=True, sort_keys=False).split(chr(10))[0]}`"


def _type(value: dict[str, Any], many: bool = False) -> str:
    """What a value may be, or many values, in words."""
    return " or ".join(_one_type(one, many) for one in alternatives(value))


def _one_type(value: dict[str, Any], many: bool) -> str:
    if "enum" in value:
        return " or ".join(f"`{one}`" for one in value["enum"])
    if value["type"] == "array":
        return f"list of {_type(value['items'], many=True)}{', not empty' if value.get('minItems') else ''}"
    if "pattern" in value:
        return "letters, digits, `_`, `.`, `-`"
    words = KINDS.get(value["type"], value["type"]) + ("s" if many and value["type"] != "string" else "")
    return " ".join([words, *(form.format(value[limit]) for limit, form in LIMITS.items() if limit in value)])


def metrics_page() -> str:
    """Every metric, from the registry that the workflow computes by."""
    rows = []
    for name, metric in metrics.registered().items():
        columns = dict.fromkeys(re.sub(r"_at_\d+$", "_at_<k>", column) for column in metric.reported())
        cells = (f"`{name}`", metric.axis, metric.better, metric.basis, metric.formula, metric.source)
        rows.append((*map(_text, cells), ", ".join(f"`{column}`" for column in columns)))
    heads = ("metric", "shown as", "better", "computed on", "definition", "source", "columns of the comparison")
    lines = _head("Metrics", "metrics", "metric", "adding-a-metric.md")
    lines += ["How ties are treated, with the formulas worked out: [ties](../explanation/ties.md).", ""]
    return "\n".join([*lines, *_table(heads, rows)]) + "\n"


def methods_page() -> str:
    """Every method, by its kind; those of the package are linked to their pages."""
    lines = _head("Methods", "hashing", "method", "adding-a-shallow-method.md")
    lines += [
        "Each name leads to a page with formula, parameters, pitfalls, published results and an example. The results",
        "are rows of [`published.csv`](../../src/l2h/report/published.csv); a report shows those of its own protocols.",
    ]
    for title, names in _methods().items():
        rows = []
        for name in names:
            cls = hashing.registry.get(name)
            page, paper = f"`{name}`", _with_urls(sources.source(cls))
            if code := _code(cls):
                page, paper = f"[{page}](methods/{name}.md)", f"{paper} [Code](../../{code})".strip()
            rows.append((page, _first(cls.__doc__), "yes" if _is_supervised(cls) else "no", paper))
        lines += ["", f"## {title}", ""]
        if title == DEEP:
            lines += [
                "What they share, from the scopes to the choice of a learning rate: [deep methods](deep-methods.md).",
                "",
            ]
        lines += _table(("method", "what it does", "needs labels", "source"), rows)
    return "\n".join([*lines, "", "```{toctree}", ":hidden:", ":glob:", "methods/*", "```"]) + "\n"


def method_page(name: str) -> str:
    """All about one method, from the docstrings of its file, its class, its loss and its base classes."""
    cls = hashing.registry.get(name)
    own = sections(cls.__doc__)
    loss = vars(sys.modules[cls.__module__]).get(f"{cls.__name__}Loss")
    parts = {
        "Idea": own[""],
        "Source": _with_urls(sources.source(cls)),
        "Loss": sections(loss.__doc__)[""] if loss else "",
        "Formula": _note(cls, "Formula"),
        "Parameters": _own_parameters(cls),
        "Multi-label": _note(cls, "Multi-label") if _is_supervised(cls) else "Labels are not used.",
        "Pitfalls": _note(cls, "Pitfalls"),
        "Published results": _published(name),
        "Example": f"```pycon\n{own['Examples']}\n```" if "Examples" in own else "",
    }
    lines = [f"# {name}", "", f"Generated from [its docstrings](../../../{_code(cls)}) by `make docs`; do not edit."]
    for title, text in parts.items():
        lines += ["", f"## {title}", "", _linked(markdown(text), METHODS, name)] if text else []
    return "\n".join(lines) + "\n"


def deep_page() -> str:
    """What all deep methods share."""
    own = sections(DeepHasher.__doc__)
    only_full = described(sections(full.FullMethod.__doc__)["Attributes"])
    del only_full["method"]
    rows = [(f"`{name}`", _text(words)) for name, words in only_full.items()]
    parts = {
        "Parameters": "\n".join(_parameter_table(DeepHasher, parameters(DeepHasher))),
        **labelled(own["Notes"]),
    }
    parts["Scope full"] += "\n\n" + "\n".join(_table(("parameter of this scope", "what it does"), rows))
    lines = [
        f"# {DEEP}",
        "",
        f"Generated from [its docstrings](../../{_code(DeepHasher)}) by `make docs`; do not edit.",
    ]
    for title, text in {"What they share": own[""], **parts}.items():
        lines += ["", f"## {title}", "", _linked(markdown(text), REFERENCE)]
    return "\n".join(lines) + "\n"


def _note(cls: type, label: str) -> str:
    """What the notes of a class, or of the first of its base classes that has such a label, say under it."""
    notes = (labelled(sections(base.__doc__).get("Notes", "")) for base in cls.__mro__)
    return next((found[label] for found in notes if label in found), "")


def _own_parameters(cls: Any) -> str:
    """The table of a method's parameters, without those that all deep methods share."""
    shared = parameters(DeepHasher) if cls.scopes else {}
    own = {key: value for key, value in parameters(cls).items() if shared.get(key, ...) != value}
    table = "\n".join(_parameter_table(cls, own)) if own else "It has none of its own."
    more = "All others are those of [deep methods](../deep-methods.md#parameters)."
    return f"{table}\n\n{more}" if cls.scopes else table


def _parameter_table(cls: type, defaults: Mapping[str, Any]) -> list[str]:
    """A table of parameters, each described by the class or by the first of its base classes that does."""
    words: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        words |= described(sections(base.__doc__).get("Parameters", ""))
    values = {key: "required" if value == "needed" else f"`{_yaml(value)}`" for key, value in defaults.items()}
    rows = [(f"`{key}`", value, _text(words.get(key, ""))) for key, value in values.items()]
    return _table(("parameter", "default", "what it does"), rows)


def _published(name: str) -> str:
    """The table of a method's published results: a row for each source, protocol, metric and backbone."""
    known = published.read()
    keys = ["dataset", "protocol", "metric", "backbone", "source", "note"]
    rows = []
    for (dataset, protocol, metric, backbone, source, note), same in known[known["method"] == name].groupby(
        keys, sort=False
    ):
        pairs = zip(same["bits"], same["value"], strict=True)
        values = ", ".join(f"{bits}:\N{NO-BREAK SPACE}{value:.3f}" for bits, value in pairs)
        cells = (f"{dataset}, {protocol}, {metric}", backbone, values, f"{source}; {note}" if note else source)
        rows.append([_text(cell) for cell in cells])
    heads = ("dataset, protocol, metric", "backbone", "bits: value", "source and remarks")
    return "\n".join(_table(heads, rows)) if rows else ""


def _linked(text: str, folder: str, name: str = "") -> str:
    """Link what stands in backticks, in text for a page in `folder`: names of other methods, and paths of the docs."""

    def link(code: re.Match) -> str:
        what = code[1]
        if what.startswith("docs/"):
            title = (ROOT / what).read_text(encoding="utf-8").partition("\n")[0]
            return f"[{title.lstrip('# ').lower()}]({relpath(what, folder)})"
        if what != name and what in hashing.registry.names() and _code(hashing.registry.get(what)):
            return f"[`{what}`]({relpath(f'{METHODS}/{what}.md', folder)})"
        return code[0]

    return re.sub(r"`([\w./-]+)`", link, text)


def _is_supervised(cls: Any) -> bool:
    return cls().__sklearn_tags__().target_tags.required


def _methods() -> dict[str, list[str]]:
    """The names of all methods by the title of their kind."""
    found: dict[str, list[str]] = {title: [] for title in TITLES.values()}
    for name in hashing.registry.names():
        cls = hashing.registry.get(name)
        found[TITLES["deep" if cls.scopes else cls.kind]].append(name)
    return found


def datasets_page() -> str:
    """Every dataset and its protocols."""
    rows, dealt = [], []
    for name in datasets.registry.names():
        cls = datasets.registry.get(name)
        rows.append((_file(name, cls), _about(cls), _settings(parameters(cls)), _with_urls(cls.licence)))
        dealt += [(f"`{protocol}`", f"`{name}`", *_dealing(how)) for protocol, how in cls.protocols.items()]
    lines = _head("Datasets", "datasets", "dataset", "adding-a-dataset.md")
    lines += ["", *_table(("dataset", "what it holds", "parameters", "licence"), rows)]
    lines += ["", "## Protocols", "", "See [why protocols matter](../explanation/protocols.md).", ""]
    lines += _table(("protocol", "dataset", "queries", "trained on", "training images are searched"), dealt)
    return "\n".join(lines) + "\n"


def _dealing(how: Protocol | None) -> tuple[str, str, str]:
    """Who is a query, who is trained on, and whether the latter is searched, in words."""
    if how is None:
        return "by its lists", "by its lists", "by its lists"
    of = " of each class" if how.per_class else ""
    query, train = (f"{one:.0%}{of}" if one < 1 else f"{one:,}{of}" for one in (how.query, how.train))
    return query, train, "yes" if how.train_in_database else "no"


def backbones_page() -> str:
    """Every backbone, with its layers and weights."""
    rows = []
    for name in backbones.registry.names():
        cls = backbones.registry.entry(name.removesuffix("<name>"))
        weights = [f"`{one}`" + (f", {file.size / 1e6:.0f} MB" if file else "") for one, file in cls.pretrained.items()]
        extra = ", ".join(sorted({f"`{extras.EXTRAS[package]}`" for package in cls.packages}))
        rows.append((_file(name, cls), _about(cls), _names(cls.layers), _names(cls.starts), ", ".join(weights), extra))
    lines = _head("Backbones", "backbones", "backbone", "adding-a-backbone.md")
    lines += ["Each can be untrained, or take weights of your own: see [choose a network](../how-to/backbones.md).", ""]
    lines += _table(("backbone", "what it is", "layers", "`train_from`", "pretrained weights", "needs the extra"), rows)
    return "\n".join(lines) + "\n"


def charts_page() -> str:
    """Every chart of the report."""
    rows = [(f"`{name}`", _text(chart.shows), _text(chart.note)) for name, chart in charts.registered().items()]
    lines = _head("Charts", "charts", "chart", "adding-a-chart.md")
    lines += ["A chart is on the report's page, and in `plots/` as PNG and SVG, if the run has what it shows.", ""]
    return "\n".join([*lines, *_table(("chart", "what it shows", "how to read it"), rows)]) + "\n"


def _head(title: str, package: str, one: str, page: str) -> list[str]:
    """The first lines of a list of all that a registry holds."""
    return [
        f"# {title}",
        "",
        f"Generated from [`l2h.{package}`](../../src/l2h/{package}) by `make docs`; do not edit. `l2h {one}s` lists",
        f"them, too. A {one} of your own is [one Python file](../how-to/{page}).",
    ]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table in Markdown."""
    head, *lines = (f"| {' | '.join(row)} |" for row in (heads, *rows))
    return [head, "|" + "---|" * len(heads), *lines]


def _file(name: str, cls: Any) -> str:
    """A name, linked to its file if that is in the package."""
    return f"[`{name}`](../../{_code(cls)})" if _code(cls) else f"`{name}`"


def _code(cls: type) -> str:
    """The path of a class's file in the repository; empty if it is in a plug-in."""
    path = f"src/{cls.__module__.replace('.', '/')}.py"
    return path if (ROOT / path).exists() else ""


def _about(cls: Any) -> str:
    """What the docstrings of the file and the class say first."""
    said = (_first(sys.modules[cls.__module__].__doc__), _first(cls.__doc__))
    return " ".join(dict.fromkeys(one if one.endswith(".") else f"{one}." for one in said if one))


def _with_urls(words: str) -> str:
    """Words as Markdown, with their URLs as links."""
    return re.sub(r"https://[^\s,)]*[\w/]", r"<\g<0>>", _text(words))


def _first(doc: str | None) -> str:
    """The first paragraph of a docstring, on one line."""
    return _text(" ".join(cleandoc(doc or "").partition("\n\n")[0].split()))


def _settings(values: Mapping[str, Any]) -> str:
    """Parameters with their defaults as YAML."""
    known = {key: f": {_yaml(value)}`" if value != "needed" else "`, required" for key, value in values.items()}
    return ", ".join(f"`{key}{rest}" for key, rest in known.items())


def _yaml(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True, sort_keys=False).split("\n")[0]


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def api_evaluate_page() -> str:
    """The API of what evaluates codes."""
    ranked = [f"l2h.ranking.{name}" for name in ranking.__all__]
    lists = {"Metrics of codes and labels": ["l2h.evaluate", "l2h.evaluation.cell.Evaluation"]}
    return _api_page("Evaluate codes", {**lists, "l2h.codes": _public(codes), "l2h.ranking": ranked})


def api_splits_page() -> str:
    """The API of splits."""
    return _api_page("l2h.splits", {"Protocols, splits and checks": _public(splits)})


def _public(module: ModuleType) -> list[str]:
    """The public functions and classes that a module defines, in their order."""
    own = {name: value for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
    return [f"{module.__name__}.{name}" for name in own if not name.startswith("_")]


def api_methods_page() -> str:
    """The API of methods: what makes and loads them, then every class by its kind."""
    functions = [f"l2h.hashing.{name}" for name in ("make", "available", "load", "register")]
    classes = {title: [hashing.registry.get(name) for name in names] for title, names in _methods().items()}
    lists = {title: [f"{cls.__module__}.{cls.__name__}" for cls in some] for title, some in classes.items()}
    named = [vars(sys.modules[cls.__module__]).get(f"{cls.__name__}Loss") for cls in classes[DEEP]]
    losses = [loss for loss in named if loss]
    lists["Losses"] = [f"{loss.__module__}.{loss.__name__}" for loss in losses]
    bases = [base for some in (*classes.values(), losses) for cls in some for base in cls.__mro__[:0:-1]]
    names = [f"{base.__module__}.{base.__name__}" for base in bases]
    lists["Base classes"] = [name for name in names if name.startswith("l2h.")]
    return _api_page("l2h.hashing", {"Methods by name": functions, **lists})


def api_metrics_page() -> str:
    """The API of metrics: every function by what it takes, then the registry."""
    lists: dict[str, list[str]] = {title: [] for title in TAKEN.values()}
    for metric in metrics.registered().values():
        function = metric.function
        home = "l2h.metrics" if hasattr(metrics, function.__name__) else function.__module__
        lists[TAKEN[metric.of]].append(f"{home}.{function.__name__}")
    lists[TAKEN["histogram"]].append("l2h.metrics.precision_recall_curve")
    lists["Metrics by name"] = [f"l2h.metrics.{name}" for name in ("registered", "columns", "register")]
    return _api_page("l2h.metrics", lists)


def _api_page(head: str, lists: Mapping[str, Iterable[str]]) -> str:
    """A page whose sections list objects, each of which Sphinx gives a page of its own."""
    lines = ["<!-- Generated by `make docs`; do not edit. -->", "", f"# {head}"]
    for title, names in lists.items():
        lines += ["", f"## {title}", "", "```{eval-rst}", ".. autosummary::", "   :toctree: generated"]
        lines += ["   :nosignatures:", "", *(f"   ~{name}" for name in dict.fromkeys(names)), "```"]
    return "\n".join(lines) + "\n"


def index() -> str:
    """The list of pages, whose table of what a config can name has all names."""
    dealt = [protocol for name in datasets.registry.names() for protocol in datasets.registry.get(name).protocols]
    rows = [("[datasets](reference/datasets.md)", _names(datasets.registry.names()))]
    rows += [("[protocols](reference/datasets.md#protocols)", f"{_names(dealt)}, or your own")]
    rows += [("[backbones](reference/backbones.md)", _names(backbones.registry.names()))]
    rows += [
        (f"[{title.lower()}](reference/methods.md#{title.lower().replace(' ', '-')})", _names(names))
        for title, names in _methods().items()
    ]
    text = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    table = "\n".join(_table(("part", "to choose from"), rows))
    return re.sub(r"(?<=<!-- generated -->\n).*?(?=\n<!-- end -->)", lambda _: table, text, flags=re.DOTALL)


FILES = {
    "docs/README.md": index,
    "docs/api/evaluate.md": api_evaluate_page,
    "docs/api/hashing.md": api_methods_page,
    "docs/api/metrics.md": api_metrics_page,
    "docs/api/splits.md": api_splits_page,
    "docs/reference/backbones.md": backbones_page,
    "docs/reference/charts.md": charts_page,
    "docs/reference/config.md": config_page,
    "docs/reference/datasets.md": datasets_page,
    "docs/reference/deep-methods.md": deep_page,
    "docs/reference/methods.md": methods_page,
    "docs/reference/metrics.md": metrics_page,
    "workflow/schemas/config.schema.yaml": config_schema,
}
for method in hashing.registry.names():
    if _code(hashing.registry.get(method)):
        FILES[f"{METHODS}/{method}.md"] = partial(method_page, method)

if __name__ == "__main__":
    for file, text in FILES.items():
        (ROOT / file).write_text(text(), encoding="utf-8")
