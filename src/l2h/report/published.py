"""Compare with published results of the same dataset, protocol, metric, k, method and code length.

`published.csv` gives the source of each value, its backbone, and known reasons why it may be too high.
"""

from pathlib import Path

import pandas as pd

FILE = Path(__file__).with_name("published.csv")
SAME = ["dataset", "protocol", "method", "bits"]
UNTRAINED = "untrained"


def read() -> pd.DataFrame:
    """Columns source, dataset, protocol, metric (mAP@all or mAP@<k>), backbone, method, bits, value, note."""
    return pd.read_csv(FILE, keep_default_na=False)


def beside(comparison: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Published values with a counterpart in the comparison.

    mAP@<k> is divided by the relevant items among the first k, as in nearly all published values. Features of an
    untrained network have no counterpart.

    Returns
    -------
    dataset, protocol, metric, variant, bits, ours, theirs, difference (ours - theirs), backbone, weights, scope (ours),
    their_backbone, note, source; in the comparison's order
    """
    trained = comparison[~comparison["weights"].str.startswith(UNTRAINED)]
    columns = {"map": "mAP@all"}
    columns |= {name: name.replace("map_at_", "mAP@") for name in trained if name.startswith("map_at_")}
    ours = trained.melt([*SAME, "variant", "scope", "backbone", "weights"], list(columns), "metric", "ours")
    ours["metric"] = ours["metric"].map(columns)
    theirs = published.rename(columns={"backbone": "their_backbone", "value": "theirs"})
    both = ours.dropna(subset="ours").merge(theirs, on=[*SAME, "metric"])
    return both.assign(difference=both["ours"] - both["theirs"])
