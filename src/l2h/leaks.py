"""What flatters results before anything is computed: queries in the training set or the database, by id or bytes."""

import logging

import pyarrow as pa

from l2h.errors import L2HError
from l2h.ids import find
from l2h.splits import SEARCHED, Split, check, lone_queries, notes

_log = logging.getLogger("l2h")


def require_none(split: Split, manifest: pa.Table, *, allow_lone_queries: bool = False) -> None:
    """Refuse a split that leaks, and warn of identical images.

    Parameters
    ----------
    manifest : of the data set that was split
    allow_lone_queries : warn of queries to which nothing in the database is relevant, where they are refused otherwise

    Raises
    ------
    SplitError
        as `l2h.splits.check`, naming where the images lie
    L2HError
        the split is not one of this data set
    """
    rows, found = find(split.table["id"].to_numpy(), manifest["id"].to_numpy())
    if not found.all() or manifest["image_sha256"].take(pa.array(rows)) != split.table["image_sha256"]:
        raise L2HError(f"split {split.protocol}: it has other images, by id or sha256, than the data set named")
    locations = dict(zip(manifest["id"].to_pylist(), manifest["location"].to_pylist(), strict=True))
    check(split, locations, allow_lone_queries=allow_lone_queries)
    for unseen, where in SEARCHED.items() if allow_lone_queries else ():
        lone = lone_queries(split, unseen=unseen).tolist()
        if lone:
            some = ", ".join(f"{number} ({locations[number]})" for number in lone[:5])
            more = ", ..." if len(lone) > 5 else ""
            _log.warning("%d queries find nothing in the %s and count as 0: %s%s", len(lone), where, some, more)
    for note in notes(split, manifest):
        _log.warning("%s", note)
