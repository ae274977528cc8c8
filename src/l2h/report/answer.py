"""The report's first screen: which method to use, at which code length, and what it costs."""

from typing import Any

import pandas as pd

from l2h import metrics
from l2h.evaluation.significance import SIGNIFICANCE
from l2h.report.differences import EXTERNAL, SETTING
from l2h.store.cells import EXACT

BASELINE = "baseline"  # the kind of classifier and pq, beside EXACT and EXTERNAL
LEVEL = "not distinguishable from"
GROUPS = ("trained with labels", "trained without labels", "made elsewhere")

Pairs = dict[tuple, float]  # setting, bits and two variants: p, corrected by Holm's method


def tested_pairs(differences: pd.DataFrame) -> Pairs:
    """The p_holm of each pair of variants that `l2h.report.differences.between_methods` could test."""
    tested = differences[differences["p_holm"].notna()]
    rows = tested[[*SETTING, "bits", "variant", "other", "p_holm"]].itertuples(index=False)
    return {(*setting, bits, frozenset((one, other))): p for *setting, bits, one, other, p in rows}


def verdict(one: dict[str, Any], other: dict[str, Any], pairs: Pairs) -> str:
    """How the mAP of one row compares with another of its setting and code length.

    "" where that was not tested: other code lengths, other settings, random methods trained once. Exact search, as
    `other`, has no length; external codes belong to every setting.
    """
    setting = other if one["scope"] == EXTERNAL else one
    key = (*(setting[name] for name in SETTING), one["bits"], frozenset((one["variant"], other["variant"])))
    if key not in pairs:
        return ""
    if pairs[key] >= SIGNIFICANCE:
        return LEVEL
    return "better than" if one["map"] > other["map"] else "worse than"


def lower(row: dict[str, Any], best: dict[str, Any], pairs: Pairs) -> bool:
    """Whether the mAP of a row was shown to be lower than that of the best."""
    return verdict(best, row, pairs) == "better than"


def answers(rows: pd.DataFrame, pairs: Pairs, supervised: set[str]) -> list[dict[str, Any]]:
    """For each group of methods, its best row at each code length and over all of them.

    Parameters
    ----------
    rows : the comparison's rows of one data set, protocol and backbone, joined with costs
    pairs : from `tested_pairs`
    supervised : the variants that need labels

    Returns
    -------
    one entry a group that has rows: "group"; "lengths", the best row of each code length, ascending, each with "level",
    the other variants of the group whose mAP was not shown to be lower; "best", the one with the greatest mAP;
    "yardsticks", the baselines and exact searches at that length, each with "verdict", how the best compares with it,
    "" where that was not tested
    """
    hashes = rows[~rows["scope"].isin([EXACT, BASELINE])]
    group = [_group(row, supervised) for row in hashes[["variant", "scope"]].to_dict("records")]
    entries = []
    for name in GROUPS:
        some = hashes[[one == name for one in group]]
        if some.empty:
            continue
        lengths = [_best(same.to_dict("records"), pairs) for _, same in some.groupby("bits")]
        best = max(lengths, key=lambda row: row["map"])
        # at the same length, or of a length of its own
        comparable = (rows["bits"] == best["bits"]) | ~rows["bits"].isin(hashes["bits"])
        beside = rows[(rows["scope"] == EXACT) | ((rows["scope"] == BASELINE) & comparable)]
        yardsticks = [{**row, "verdict": verdict(best, row, pairs)} for row in beside.to_dict("records")]
        entries.append({"group": name, "lengths": lengths, "best": best, "yardsticks": yardsticks})
    return entries


def ahead(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Baselines and exact searches that no hash of the same setting reaches, each at its best length, best first."""
    yardstick = rows["scope"].isin([EXACT, BASELINE])
    best = rows[yardstick].sort_values("map", ascending=False, kind="stable").drop_duplicates("variant")
    return best[best["map"] > rows.loc[~yardstick, "map"].max()].to_dict("records")


def warnings(rows: pd.DataFrame) -> list[str]:
    """A sentence on each thing that the rows of one setting ask to be read with care for."""
    said = []
    for name, metric in metrics.registered().items():
        if metric.warning and (rows[name] > 0).any():
            cells = rows.loc[rows[name] > 0, ["variant", "bits"]].values
            words = ", ".join(f"{variant} at {bits} bits" for variant, bits in cells)
            said.append(metric.warning.format(count=f"{rows[name].max():.0f}", cells=words))
    return said


def _group(row: dict[str, Any], supervised: set[str]) -> str:
    if row["scope"] == EXTERNAL:
        return GROUPS[2]
    return GROUPS[0] if row["variant"] in supervised else GROUPS[1]


def _best(rows: list[dict[str, Any]], pairs: Pairs) -> dict[str, Any]:
    best = max(rows, key=lambda row: row["map"])
    return {**best, "level": [row["variant"] for row in rows if row is not best and not lower(row, best, pairs)]}
