"""Collect what is wrong with a data set, so that one error names all of it."""

from collections import Counter
from collections.abc import Sequence

from l2h.errors import L2HError

SHOWN = 3  # of each kind


class Problems:
    """Kinds of fault, each with the places that have it, in the order in which they are found."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}
        self._counts: Counter[str] = Counter()

    def add(self, kind: str, place: str) -> None:
        """Note a place; only the first few, which are shown, are kept."""
        self._counts[kind] += 1
        places = self._places.setdefault(kind, [])
        if len(places) < SHOWN:
            places.append(place)

    def lines(self) -> list[str]:
        """Each kind, how often it was found, and the first few places."""
        return [f"{kind}: {_told(self._counts[kind], places)}" for kind, places in self._places.items()]

    def require_none(self, what: str, cure: str) -> None:
        """Raise L2HError, naming every kind, unless there is none."""
        if self._places:
            raise L2HError(f"{what}: {'; '.join(self.lines())}; {cure}")


def counted(places: Sequence[str]) -> str:
    """How many, and the first few of them."""
    return _told(len(places), places[:SHOWN])


def _told(count: int, first: Sequence[str]) -> str:
    return f"{count:,} ({', '.join(first)}{', ...' if count > len(first) else ''})"
