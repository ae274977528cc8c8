"""Write the files that follow from the code: the reference of configs and metrics, and a config's JSON schema."""

import re
from pathlib import Path
from typing import Any

import yaml

from l2h import metrics
from l2h.config.schema import alternatives, schema

ROOT = Path(__file__).parents[1]
KINDS = {"string": "text", "object": "mapping", "array": "list"}
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
    lines = [
        "# Metrics",
        "",
        "Made by `make docs` from [`l2h.metrics`](../../src/l2h/metrics); do not edit it here.",
        "How ties are treated, with the formulas worked out: [ties](../explanation/ties.md).",
        "`l2h metrics` lists them, too. A metric of your own is [one Python file](../how-to/own-metric.md).",
        "",
        "| metric | shown as | better | computed on | definition | source | columns of the comparison |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, metric in metrics.registered().items():
        columns = dict.fromkeys(re.sub(r"_at_\d+$", "_at_<k>", column) for column in metric.reported())
        cells = (f"`{name}`", metric.axis, metric.better, metric.basis, metric.formula, metric.source)
        lines.append("| " + " | ".join(map(_text, cells)) + f" | {', '.join(f'`{column}`' for column in columns)} |")
    return "\n".join(lines) + "\n"


FILES = {
    "docs/reference/config.md": config_page,
    "docs/reference/metrics.md": metrics_page,
    "workflow/schemas/config.schema.yaml": config_schema,
}

if __name__ == "__main__":
    for file, text in FILES.items():
        (ROOT / file).write_text(text(), encoding="utf-8")
