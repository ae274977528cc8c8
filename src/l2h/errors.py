"""Errors the user can fix."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class L2HError(ValueError):
    """Invalid input: a config value, a file or a failed download.

    The message is one line that names the input, its value and the fix; jobs print it without a traceback. Control
    characters, which an untrusted file can put into it, are printed as "?".
    """

    def __str__(self) -> str:
        return printable(super().__str__())


def printable(text: str) -> str:
    """A line of text with each control character as "?"."""
    return _CONTROL.sub("?", text)


def hint(name: object, known: Iterable[object]) -> str:
    """Return " (did you mean 'itq'?)" for a mistyped name, ignoring case, and "" if no known name is close."""
    names = {str(one).lower(): str(one) for one in known}
    given = str(name).lower()
    # in names of three letters, such as lsh and itq, a swap of two is not a close match
    swapped = [one for one in names if sorted(one) == sorted(given)]
    close = swapped or get_close_matches(given, names, n=1, cutoff=0.7)
    return f" (did you mean {names[close[0]]!r}?)" if close else ""


def line(error: BaseException) -> str:
    """The first line of another library's error, or its type if the message is empty."""
    return next(iter(str(error).splitlines()), type(error).__name__)
