"""Read the docstrings of this package as Markdown: their sections, parameters and labelled notes."""

import re
from inspect import cleandoc
from textwrap import dedent


def sections(doc: str | None) -> dict[str, str]:
    """Text of each section by its title; what comes before the first section has the title ""."""
    first, *rest = re.split(r"^(\w+)\n-+\n", cleandoc(doc or ""), flags=re.MULTILINE)
    return {"": first.strip(), **dict(zip(rest[::2], map(str.strip, rest[1::2]), strict=True))}


def described(section: str) -> dict[str, str]:
    """Description of each name, on one line, in a section of entries `name, other : description`."""
    entries = [entry.partition(" : ") for entry in re.split(r"\n(?=\S)", section)]
    return {name: " ".join(words.split()) for names, _, words in entries for name in names.split(", ")}


def labelled(notes: str) -> dict[str, str]:
    """Text by the label before it, a bold word like **Pitfalls.** at the start of a line."""
    _, *rest = re.split(r"^\*\*([\w -]+)\.\*\*\s", notes, flags=re.MULTILINE)
    return dict(zip(rest[::2], map(str.strip, rest[1::2]), strict=True))


def markdown(text: str) -> str:
    """Turn literal blocks, indented and after `::`, into blocks of code; the rest is Markdown already."""

    def fenced(block: re.Match) -> str:
        return f":\n\n```text\n{dedent(block[1]).strip()}\n```\n\n"

    return re.sub(r" ?::\n\n((?:(?: {4}.*)?(?:\n|$))+?)(?=\S|\Z)", fenced, text).strip()
