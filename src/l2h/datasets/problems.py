"""Collect all problems of a dataset, to report them in one error."""

from collections import Counter

from l2h.errors import L2HError
from l2h.notes import SHOWN, Note


class Problems:
    """Kinds of problems with their places, in the order in which they are found."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}
        self._counts: Counter[str] = Counter()

    def add(self, kind: str, place: str) -> None:
        """Add a place; only the first few, which are shown, are kept."""
        self._counts[kind] += 1
        places = self._places.setdefault(kind, [])
        if len(places) < SHOWN:
            places.append(place)

    def lines(self) -> list[str]:
        """Each kind with its number and the first few places."""
        return list(map(str, self.notes()))

    def notes(self) -> list[Note]:
        """The problems as notes."""
        counts = self._counts
        return [Note(kind, counts[kind], places, counts[kind] > SHOWN) for kind, places in self._places.items()]

    def require_none(self, what: str, cure: str) -> None:
        """Raise L2HError that names every kind, if there are any."""
        if self._places:
            raise L2HError(f"{what}: {'; '.join(self.lines())}; {cure}")
