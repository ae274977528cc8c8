"""Collect what is wrong with a data set, so that one error names all of it."""

from collections.abc import Sequence

from l2h.errors import L2HError

SHOWN = 3  # of each kind


class Problems:
    """Kinds of fault, each with the places that have it, in the order in which they are found."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}

    def add(self, kind: str, place: str) -> None:
        """Note a place."""
        self._places.setdefault(kind, []).append(place)

    def lines(self) -> list[str]:
        """Each kind, how often it was found, and the first few places."""
        return [f"{kind}: {counted(places)}" for kind, places in self._places.items()]

    def require_none(self, what: str, cure: str) -> None:
        """Raise L2HError, naming every kind, unless there is none."""
        if self._places:
            raise L2HError(f"{what}: {'; '.join(self.lines())}; {cure}")


def counted(places: Sequence[str]) -> str:
    """How many, and the first few of them."""
    return f"{len(places):,} ({', '.join(places[:SHOWN])}{', ...' if len(places) > SHOWN else ''})"
