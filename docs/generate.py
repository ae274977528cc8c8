"""Write the reference pages that follow from the code: the config's keys and the metrics. Run by `make docs`."""

from pathlib import Path
from typing import Any

import yaml

from l2h.evaluation import METRICS

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs/reference"


def config_page() -> str:
    """Every key of the schema: a table of the top, then one for each key that has keys of its own."""
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
    lines = [
        "# Config reference",
        "",
        "Made by `make docs` from [the schema](../../workflow/schemas/config.schema.yaml); do not edit it here.",
        f"{_text(schema['description'])} A wrong key or value is one line that names it and what is allowed.",
        *_tables("", schema),
    ]
    return "\n".join(lines) + "\n"


def _tables(name: str, part: dict[str, Any]) -> list[str]:
    """The table of one mapping's keys, under its name, and those of the mappings inside it."""
    keys = part["properties"]
    lines = [
        "",
        f"## {name}" if name else "## Top level",
        "",
        "| key | type | default | meaning |",
        "|---|---|---|---|",
    ]
    inner: list[str] = []
    for key, value in keys.items():
        required = "required" if key in part.get("required", []) else _default(value)
        lines.append(f"| `{key}` | {_type(value)} | {required} | {_text(value['description'])} |")
        path = f"{name}.{key}" if name else key
        if "properties" in value:
            inner += _tables(path, value)
        elif "properties" in value.get("items", {}):
            inner += _tables(f"{path}[]", value["items"])
    return lines + inner


def _text(words: str) -> str:
    """Words as Markdown shows them, in a table."""
    return words.replace("<", "&lt;").replace("|", "\\|")


def _default(value: dict[str, Any]) -> str:
    return (
        f"`{yaml.safe_dump(value['default'], default_flow_style=True).split(chr(10))[0]}`" if "default" in value else ""
    )


def _type(value: dict[str, Any]) -> str:
    """What a value may be, in words."""
    if "enum" in value:
        return " or ".join(f"`{one}`" for one in value["enum"])
    if value["type"] == "array":
        return f"list of {_type(value['items'])}"
    names = value["type"] if isinstance(value["type"], list) else [value["type"]]
    words = " or ".join({"object": "mapping", "string": "text", "array": "list"}.get(name, name) for name in names)
    limits = [f"{word} {value[key]}" for key, word in LIMITS.items() if key in value]
    return ", ".join([words, *limits])


LIMITS = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}


def metrics_page() -> str:
    """Every name of `metrics.parquet`, from the registry that the workflow computes by."""
    lines = [
        "# Metrics",
        "",
        "Made by `make docs` from [`l2h.evaluation.METRICS`](../../src/l2h/evaluation.py); do not edit it here.",
        "How ties are treated, with the formulas worked out: [ties](../explanation/ties.md).",
        "",
        "| metric | shown as | better | definition | source |",
        "|---|---|---|---|---|",
    ]
    for name, metric in METRICS.items():
        cells = (f"`{name}`", metric.axis, metric.better, metric.formula, metric.source)
        lines.append("| " + " | ".join(map(_text, cells)) + " |")
    return "\n".join(lines) + "\n"


PAGES = {"config.md": config_page, "metrics.md": metrics_page}

if __name__ == "__main__":
    for file, page in PAGES.items():
        (REFERENCE / file).write_text(page(), encoding="utf-8")
