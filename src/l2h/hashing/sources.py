"""What a method does and where it was published, from the docstrings of its class and file."""

from inspect import cleandoc
from sys import modules


def about(cls: type) -> str:
    """What a method does: the first paragraph of its class's docstring, without backticks; "" if there is none."""
    written = cls.__doc__ and not cls.__doc__.startswith(f"{cls.__name__}(")  # which dataclasses add
    return _paragraph(cls.__doc__ if written else "", 0).replace("`", "")


def source(cls: type) -> str:
    """The paper of a method: the second paragraph of its file's docstring, on one line; "" if there is none."""
    return _paragraph(modules[cls.__module__].__doc__, 1)


def _paragraph(doc: str | None, number: int) -> str:
    paragraphs = cleandoc(doc or "").split("\n\n")
    return " ".join(paragraphs[number].split()) if number < len(paragraphs) else ""
