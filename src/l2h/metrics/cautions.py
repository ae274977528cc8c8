"""Caveats of the other metrics: queries without a relevant item, trainings without model selection."""

from collections.abc import Mapping
from typing import Any

from l2h.metrics.metric import Metric
from l2h.metrics.tied_groups import Groups, Ranking
from l2h.ranking import RankedRelevance


def lone_queries(h: Ranking | Groups) -> int:
    """Count the queries without a relevant item in the database.

    Examples
    --------
    >>> from l2h.metrics.cautions import lone_queries
    >>> from l2h.ranking import RankHistogram
    >>> lone_queries(RankHistogram([[1, 1], [1, 1]], [[1, 0], [0, 0]]))
    1
    """
    relevant = h.relevant_items if isinstance(h, RankedRelevance) else Groups.of(h).relevant
    return int((relevant == 0).sum())


def nothing_chosen(selection: Mapping[str, Any]) -> bool:
    """Whether a deep method had no model selection, given the record of `l2h.hashing.deep.selection.select`.

    Examples
    --------
    >>> from l2h.metrics.cautions import nothing_chosen
    >>> nothing_chosen({"criterion": None})
    True
    """
    return selection["criterion"] is None


METRICS = (
    Metric(
        name="lone_queries",
        function=lone_queries,
        axis="queries that find nothing",
        better="lower",
        formula="how many queries share no label with any item; each counts as 0",
        count=True,
        warning="{count} queries have nothing relevant in the database: each counts as 0 for every method.",
    ),
    Metric(
        name="lone_queries_unseen",
        function=lone_queries,
        axis="queries that find nothing, unseen images",
        better="lower",
        formula="the same for the database without the training images",
        unseen=True,
        count=True,
        warning="{count} queries have nothing relevant among the images that nothing was trained on: each counts as 0 "
        "for every method.",
    ),
    Metric(
        name="nothing_chosen",
        function=nothing_chosen,
        axis="trainings without a choice",
        better="lower",
        formula="share of the trainings that should choose learning rate and epoch on validation images, and could not",
        of="selection",
        warning="No learning rate and epoch could be chosen for {cells}: too few validation images share labels.",
    ),
)
