"""Notes on a dataset or a split: findings that are not errors, with their number and examples."""

from collections.abc import Sequence
from dataclasses import dataclass

SHOWN = 3  # examples of each


@dataclass(frozen=True)
class Note:
    """One kind of finding.

    Attributes
    ----------
    what : what was found
    count : number of occurrences
    examples : the first few, at most SHOWN
    more : whether there are more than the examples
    """

    what: str
    count: int
    examples: Sequence[str]
    more: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {self.count:,} ({', '.join(self.examples)}{', ...' if self.more else ''})"
