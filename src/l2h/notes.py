"""What is no fault of a dataset or a split, but should be known: what it is, how often it was found, and examples."""

from collections.abc import Sequence
from dataclasses import dataclass

SHOWN = 3  # examples of each


@dataclass(frozen=True)
class Note:
    """One kind of finding.

    Attributes
    ----------
    what : the kind, in words
    count : how often it was found
    examples : the first few, at most SHOWN
    more : whether there are others
    """

    what: str
    count: int
    examples: Sequence[str]
    more: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {self.count:,} ({', '.join(self.examples)}{', ...' if self.more else ''})"
