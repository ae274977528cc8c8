"""Draw the README's chart, and print the tables of docs/explanation from a finished quickstart.

`python docs/figures.py` after `make quickstart`.
"""

from pathlib import Path

import altair as alt
import pandas as pd

HERE = Path(__file__).parent

RUN = "results/quickstart"
SETTING = "digits/digits-300/alexnet-fc7"
METHODS = ["itq", "dsh"]
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8C6BB1"]
NUDGE = "datum.dataset == 'MNIST' ? (datum.method == 'dsh' ? -5 : datum.method == 'hashnet' ? 7 : 0) : 0"  # apart
MISTAKES = {
    "0.5 * (bits - a.b) of 0/1 codes, which is no Hamming distance": "inner product of 0/1 codes",
    "one sort, the database in the order of its classes": "one sort, classes ascending",
    "the same, in the opposite order": "one sort, classes descending",
    "real-valued outputs in place of their signs": "real-valued outputs",
}


def results() -> alt.HConcatChart:
    """Ours, and what was published, by code length: docs/results.csv, as in explanation/results.md."""
    table = pd.read_csv(HERE / "results.csv")
    order = ["hashnet", "dsh", "bihalf", "itq", "lsh"]
    color = alt.Color("method:N", legend=None, scale=alt.Scale(domain=order, range=COLORS))
    panels = []
    for dataset, rows in table.groupby("dataset", sort=False):
        x = alt.X("bits:O", title="bits", axis=alt.Axis(labelAngle=0))
        base = alt.Chart(rows, title=dataset, width=330, height=270).encode(x=x, color=color)
        y = alt.Y("ours:Q", title="mAP", scale=alt.Scale(domain=[0, 1]))
        last = base.transform_filter("datum.bits == 64")
        panels.append(
            base.mark_line(point=alt.OverlayMarkDef(size=45)).encode(y=y)
            + base.mark_line(strokeDash=[2, 4], opacity=0.7).encode(y="published:Q")
            + base.mark_point(shape="circle", size=45, filled=False).encode(y="published:Q")
            + last.mark_text(align="left", dx=12, dy=alt.expr(NUDGE)).encode(y=y, text="method:N")
        )
    title = alt.TitleParams(
        "Filled: ours. Hollow: published for AlexNet trained end to end", anchor="middle", fontSize=12
    )
    return alt.hconcat(*panels, title=title).configure_view(stroke=None)


def main() -> None:
    """Ties, mistakes, and what the training images in the database do."""
    results().save(HERE / "results.png", scale_factor=2)
    table = pd.read_csv(f"{RUN}/comparison.csv").query("dataset == 'digits'").set_index(["variant", "bits"])
    ties = table.loc[METHODS, ["map_worst", "map", "map_best", "tied_pairs"]]
    audit = pd.read_parquet(f"{RUN}/{SETTING}/audit.parquet").query("variant in @METHODS and bits in (8, 64)")
    printed = audit.assign(mistake=audit["mistake"].map(MISTAKES)).pivot_table(
        index=["variant", "bits", "right"], columns="mistake", values="printed"
    )
    unseen = table.loc[METHODS, ["map", "map_unseen"]]
    for part in (ties, printed[list(MISTAKES.values())], unseen):
        print(part.reset_index().to_markdown(index=False, floatfmt=".3f"), end="\n\n")


if __name__ == "__main__":
    main()
