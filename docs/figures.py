"""Print the tables of docs/explanation from a finished quickstart: `python docs/figures.py` after `make quickstart`."""

import pandas as pd

RUN = "results/quickstart"
SETTING = "digits/digits-300/alexnet-fc7"
METHODS = ["itq", "dsh"]
MISTAKES = {
    "0.5 * (bits - a.b) of 0/1 codes, which is no Hamming distance": "inner product of 0/1 codes",
    "one sort, the database in the order of its classes": "one sort, classes ascending",
    "the same, in the opposite order": "one sort, classes descending",
    "real-valued outputs in place of their signs": "real-valued outputs",
}


def main() -> None:
    """Ties, mistakes, and what the training images in the database do."""
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
