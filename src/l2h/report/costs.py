"""The comparison joined with what each row costs."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa

from l2h import store
from l2h.report.comparison import split_off
from l2h.report.differences import PLACE

ROW = [*PLACE, "variant", "bits"]
IMAGE = ["preprocess_best", "backbone_best"]
BUSY = 3  # times that single queries may be faster than all at once, which they are on no idle machine
CELL = ["training_processor", "hash_best", "encode_best", "bytes_per_item", "search_flat_p50", "search_flat_rate"]
# columns of the table for people: name in the joined table -> head
SHOWN = {
    "dataset": "dataset",
    "backbone": "backbone",
    "variant": "method",
    "bits": "bits",
    "map": "mAP",
    "map_unseen": "mAP unseen",
    "map_at_1000": "mAP@1000",
    "precision_in_radius": "precision, radius 2",
    "training_processor": "training, processor s",
    "image_ms": "image to features, ms",
    "hash_us": "features to code, µs",
    "bytes_per_item": "bytes",
    "search_flat_rate": "flat search, queries/s",
}


def join(comparison: pd.DataFrame, costs: Iterable[pa.Table]) -> pd.DataFrame:
    """The comparison's rows with CELL's quantities, `hash_us` and `image_ms` (milliseconds from an image to features).

    A network of scope full goes from an image to its code at once: `image_ms`, and no `hash_us`.
    `code_ms` is both together. `busy` is whether the machine had more to do, so that search_flat_rate is too low:
    single queries went more than BUSY times as fast.

    Costs are those of the first seed, on the processor that the first row names; a row that was not measured has none.
    """
    tidy = pa.concat_tables([store.COSTS.empty_table(), *costs]).to_pandas()
    trained = tidy["quantity"].str.startswith("training")  # wherever it was
    tidy = tidy[trained | tidy["hardware"].isin(tidy["hardware"][:1])]  # the processor comes first
    cells = tidy[tidy["quantity"].isin(CELL)].pivot_table(index=ROW, columns="quantity", values="value")
    cells = cells.reindex(columns=CELL).reset_index()
    images = tidy[tidy["quantity"].isin(IMAGE)].groupby(PLACE)["value"].sum().mul(1e3).rename("image_ms").reset_index()
    cells["hash_us"] = cells["hash_best"] * 1e6
    joined = comparison.merge(cells, how="left").merge(images, how="left")
    joined["image_ms"] = joined["encode_best"].mul(1e3).fillna(joined["image_ms"])
    joined["busy"] = joined["search_flat_rate"] * BUSY < 1 / joined["search_flat_p50"]
    joined["code_ms"] = joined["image_ms"] + joined["hash_us"].fillna(0) / 1e3
    return joined


def write_table(joined: pd.DataFrame, path: str | Path) -> None:
    """Write the joined table as Markdown, for people, and below it what was not run."""
    joined, not_run = split_off(joined)
    digits = [".3f" if name.startswith(("map", "precision")) else ".3g" for name in SHOWN]
    digits[list(SHOWN).index("search_flat_rate")] = ",.0f"
    table = joined[list(SHOWN)].rename(columns=SHOWN)
    with store.atomic(path) as part:
        lines = [table.to_markdown(index=False, floatfmt=digits), *(f"\nNot run: {line}" for line in not_run)]
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")
