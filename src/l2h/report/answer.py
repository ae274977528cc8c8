"""The best method at each code length, with significance tests."""

from typing import Any

import pandas as pd

from l2h import metrics
from l2h.charts.chart import BASELINE
from l2h.evaluation.significance import SIGNIFICANCE
from l2h.report.differences import EXTERNAL, SETTING
from l2h.store.cells import EXACT

BEST = "best"
LEVEL = "no significant difference from"
GROUPS = ("with labels", "without labels", "external codes")

Pairs = dict[tuple, float]  # setting, bits and two variants: p, corrected by Holm's method


def tested_pairs(differences: pd.DataFrame) -> Pairs:
    """The p_holm of each pair of variants that `l2h.report.differences.between_methods` tested."""
    tested = differences[differences["p_holm"].notna()]
    rows = tested[[*SETTING, "bits", "variant", "other", "p_holm"]].itertuples(index=False)
    return {(*setting, bits, frozenset((one, other))): p for *setting, bits, one, other, p in rows}


def verdict(one: dict[str, Any], other: dict[str, Any], pairs: Pairs) -> str:
    """Compare the mAP of one row with another of its setting and code length.

    "" if the pair was not tested: other code lengths, other settings, random methods trained once. Exact search, as
    `other`, has no length; external codes belong to every setting.
    """
    setting = other if one["scope"] == EXTERNAL else one
    key = (*(setting[name] for name in SETTING), one["bits"], frozenset((one["variant"], other["variant"])))
    if key not in pairs:
        return ""
    if pairs[key] >= SIGNIFICANCE:
        return LEVEL
    return "better than" if one["map"] > other["map"] else "worse than"


def marks(rows: list[dict[str, Any]], pairs: Pairs) -> list[str]:
    """For rows of one setting and code length: BEST for the highest mAP, LEVEL if not significantly lower.

    "" if significantly lower. Nothing is marked unless the best was tested against every other row.
    """
    best = max(rows, key=lambda row: row["map"])
    found = [BEST if row is best else verdict(best, row, pairs) for row in rows]
    if "" in found or len(rows) == 1:
        return [""] * len(rows)
    return [one if one in (BEST, LEVEL) else "" for one in found]


def grouped(rows: pd.DataFrame, supervised: set[str]) -> dict[str, pd.DataFrame]:
    """The rows of each group of methods, in the order of GROUPS, without baselines and exact search.

    Parameters
    ----------
    supervised : the variants that need labels
    """
    hashes = rows[~rows["scope"].isin([EXACT, BASELINE])]
    group = pd.Series(GROUPS[1], hashes.index).mask(hashes["variant"].isin(supervised), GROUPS[0])
    group = group.mask(hashes["scope"] == EXTERNAL, GROUPS[2])
    return {name: hashes[group == name] for name in GROUPS if (group == name).any()}


def answers(rows: pd.DataFrame, pairs: Pairs, supervised: set[str]) -> list[dict[str, Any]]:
    """For each group of methods, its row with the highest mAP.

    Parameters
    ----------
    rows : the comparison's rows of one dataset, protocol and backbone, joined with costs
    pairs : from `tested_pairs`
    supervised : the variants that need labels

    Returns
    -------
    one entry per group with rows: "group"; "best", the row; "level", the other variants of the group at its code
    length without a significant difference; "untested", those not tested against it; "yardsticks", the baselines
    and exact searches at that length, each with "verdict", from comparing the best with it, "" if not tested
    """
    lengths = rows.loc[~rows["scope"].isin([EXACT, BASELINE]), "bits"]
    entries = []
    for name, some in grouped(rows, supervised).items():
        best = some.loc[some["map"].idxmax()].to_dict()
        others = some[(some["bits"] == best["bits"]) & (some["variant"] != best["variant"])].to_dict("records")
        compared = {row["variant"]: verdict(best, row, pairs) for row in others}
        # at the same length, or at one that no method has
        comparable = (rows["bits"] == best["bits"]) | ~rows["bits"].isin(lengths)
        beside = rows[(rows["scope"] == EXACT) | ((rows["scope"] == BASELINE) & comparable)]
        entries.append(
            {
                "group": name,
                "best": best,
                "level": [variant for variant, said in compared.items() if said == LEVEL],
                "untested": [variant for variant, said in compared.items() if not said],
                "yardsticks": [{**row, "verdict": verdict(best, row, pairs)} for row in beside.to_dict("records")],
            }
        )
    return entries


def ahead(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Baselines and exact searches above all hashes of their setting, each at its best length, best first."""
    yardstick = rows["scope"].isin([EXACT, BASELINE])
    best = rows[yardstick].sort_values("map", ascending=False, kind="stable").drop_duplicates("variant")
    return best[best["map"] > rows.loc[~yardstick, "map"].max()].to_dict("records")


def warnings(rows: pd.DataFrame) -> list[str]:
    """Warnings about the metrics of one setting's rows."""
    said = []
    for name, metric in metrics.registered().items():
        if metric.warning and (rows[name] > 0).any():
            cells = rows.loc[rows[name] > 0, ["variant", "bits"]].values
            words = ", ".join(f"{variant} at {bits} bits" for variant, bits in cells)
            said.append(metric.warning.format(count=f"{rows[name].max():.0f}", cells=words))
    return said
