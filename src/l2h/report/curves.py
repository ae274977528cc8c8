"""The precision-recall curves of the report."""

import pandas as pd
import pyarrow as pa

from l2h.store.cells import CELL_KEY


def precision_recall(cells: list[pa.Table]) -> pd.DataFrame:
    """The precision-recall curves, means over seeds, from each cell's tidy metrics.

    Returns
    -------
    columns: a cell's key without the seed; distance, recall, precision. Distances within which no query finds anything
    are omitted
    """
    tidy = pa.concat_tables(cells).to_pandas()
    tidy = tidy[tidy["metric"].isin(["precision_at_distance", "recall_at_distance"])]
    key = [name for name in CELL_KEY if name != "seed"]
    curves = tidy.pivot_table(index=[*key, "k"], columns="metric", values="value", sort=False).reset_index()
    columns = {"k": "distance", "precision_at_distance": "precision", "recall_at_distance": "recall"}
    curves = curves.reindex(columns=[*key, *columns]).rename(columns=columns)
    return curves[curves["recall"] > 0]
