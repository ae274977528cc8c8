"""The comparison joined with each row's costs, and costs formatted for readers."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from l2h import metrics
from l2h.evaluation.cost_names import COSTS, DISTURBED, MARK
from l2h.metrics import Column
from l2h.report.comparison import split_off
from l2h.report.differences import SETTING
from l2h.store import results
from l2h.store.files import atomic

ROW = [*SETTING, "variant", "bits"]
DEPTH = 1000  # the k of metrics at k in the Markdown table
NOTHING = "–"  # not measured
# columns of the Markdown table: name in the joined table -> heading
CELL = {"dataset": "dataset", "backbone": "backbone", "variant": "method", "bits": "bits"}
COUNTS = ("bytes_per_item", "search_items", "search_repeats")


def join(comparison: pd.DataFrame, costs: Iterable[pa.Table]) -> pd.DataFrame:
    """The comparison's rows with the columns of COSTS, and `code_ms`, milliseconds from an image to its code.

    A network of scope full turns an image into its code directly: it has `image_ms`, and no `hash_us`. For each time
    and rate, a column `<name>_disturbed` tells whether its measurement was disturbed.

    Costs are of the first seed, on the CPU of the first row; rows that were not measured have none.
    """
    tidy = pa.concat_tables([results.COSTS.empty_table(), *costs]).to_pandas()
    trained = tidy["quantity"].str.startswith("training")  # on any machine
    tidy = tidy[trained | tidy["hardware"].isin(tidy["hardware"][:1])]  # the CPU is first
    tidy = tidy.assign(disturbed=tidy["disturbed"].eq(True))
    counts = {"search_items": ("items", "first"), "search_repeats": ("repeats", "first")}
    joined = comparison
    for measured in (
        _column(tidy, "training_processor", ["training_processor"], ROW),
        _column(tidy, "image_ms", ["preprocess_best", "backbone_best"], SETTING),
        _column(tidy, "encode_ms", ["encode_best"], ROW),
        _column(tidy, "hash_us", ["hash_best"], ROW),
        _column(tidy, "bytes_per_item", ["bytes_per_item"], ROW),
        _column(tidy, "search_flat_rate", ["search_flat_rate"], ROW, **counts),
    ):
        joined = joined.merge(measured, how="left")
    whole = joined["encode_ms"].notna()
    joined[["encode_ms", "image_ms"]] *= 1e3
    joined["hash_us"] *= 1e6
    for end in ("", "_disturbed"):
        joined[f"image_ms{end}"] = joined[f"encode_ms{end}"].where(whole, joined[f"image_ms{end}"])
    marks = [f"{name}_disturbed" for name in COSTS if f"{name}_disturbed" in joined]
    joined[marks] = joined[marks].eq(True)  # empty if not measured
    joined["code_ms"] = joined["image_ms"] + joined["hash_us"].fillna(0) / 1e3
    joined["code_ms_disturbed"] = joined["image_ms_disturbed"] | joined["hash_us_disturbed"]
    return joined.drop(columns=["encode_ms", "encode_ms_disturbed"])


def text(row: Mapping[str, Any], name: str) -> str:
    """Format a cost: two significant digits, and MARK if disturbed; counts in full; – if missing."""
    if pd.isna(row[name]):
        return NOTHING
    if name in COUNTS:
        return f"{row[name]:,.0f}"
    return rounded(row[name]) + (MARK if row[f"{name}_disturbed"] else "")


def rounded(value: float) -> str:
    """Format with two significant digits, avoiding exponents for ordinary magnitudes."""
    return f"{float(f'{value:.2g}'):,.9g}"


def disturbed(rows: pd.DataFrame) -> bool:
    """True if any cost of the joined rows was disturbed."""
    return bool(rows[[name for name in rows if name.endswith("_disturbed")]].any(axis=None))


def write_table(joined: pd.DataFrame, path: str | Path) -> None:
    """Write the joined table as Markdown, followed by notes on its marks and on what was not run."""
    joined, not_run = split_off(joined)
    shown = {name: column for name, column in metrics.columns().items() if _is_shown(column)}
    heads = {name: column.label(column.metric.short) for name, column in shown.items()}
    quality = {
        name: [NOTHING if pd.isna(value) else column.format % value for value in joined[name]]
        for name, column in shown.items()
    }
    costs = {name: [text(row, name) for row in joined.to_dict("records")] for name in COSTS}
    table = pd.concat([joined[list(CELL)], pd.DataFrame(quality | costs, index=joined.index)], axis=1)
    sides = ["right" if name in (*heads, *COSTS, "bits") else "left" for name in table]
    lines = table.rename(columns=CELL | heads | COSTS).to_markdown(index=False, disable_numparse=True, colalign=sides)
    notes = [f"\\{MARK} {DISTURBED}."] if disturbed(joined) else []
    notes += [f"Not run: {line}" for line in not_run]
    with atomic(path) as part:
        part.write_text("\n\n".join([lines, *notes]) + "\n", encoding="utf-8")


def _is_shown(column: Column) -> bool:
    """True if the Markdown table has this column of the comparison."""
    return bool(column.metric.short) and column.at.ties in (None, "expected") and column.k in (0, DEPTH)


def _column(
    tidy: pd.DataFrame, name: str, quantities: list[str], key: list[str], **more: tuple[str, str]
) -> pd.DataFrame:
    """One cost by its key: the sum of quantities, and whether any of them was disturbed."""
    rows = tidy[tidy["quantity"].isin(quantities)].groupby(key)
    return rows.agg(**{name: ("value", "sum"), f"{name}_disturbed": ("disturbed", "any")}, **more).reset_index()
