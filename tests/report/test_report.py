"""The comparison table and the page, from small metrics."""

import html
import json
import re
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from l2h import plugins
from l2h.charts import Data, looks, radius
from l2h.charts.costs import training_processor
from l2h.errors import L2HError
from l2h.evaluation import cost_names
from l2h.evaluation.cell import evaluate
from l2h.evaluation.significance import Trainings, difference, holm
from l2h.notes import Note
from l2h.ranking import RankHistogram
from l2h.report import (
    answer,
    comparison,
    cost_columns,
    curves,
    differences,
    links,
    matrix,
    nouns,
    page,
    plots,
    power,
    published,
    run_info,
)
from l2h.report.summary import summary
from l2h.splits import Split
from l2h.store import splits
from l2h.store.cells import CELL_KEY
from l2h.store.manifests import write_manifest
from l2h.store.results import COSTS, METRICS, read_frame
from l2h.store.splits import write_split
from workspace import ROOT


def cell(variant, bits, seed, dataset="digits", unseen=True, scope="shallow", backbone="alexnet-fc7", items=1000):
    """One cell's metrics and queries, of a random ranking."""
    rng = np.random.default_rng([bits, seed, len(variant)])  # names of one length rank alike
    total = rng.multinomial(items, np.full(bits + 1, 1 / (bits + 1)), size=24)
    h = RankHistogram(total, rng.binomial(total, rng.uniform(0.1, 0.6, bits + 1)))
    rest = h if unseen else RankHistogram(0 * total, 0 * total)
    key = {
        "dataset": dataset,
        "protocol": "p",
        "backbone": backbone,
        "weights": "external" if backbone == "external" else "untrained-0@abc",
        "variant": variant,
        "method": "m",
        "scope": scope,
        "bits": bits,
        "seed": seed,
    }
    figures, by_query = evaluate(h, rest)
    metrics = pa.Table.from_pylist([{**key, **figure} for figure in figures], schema=CELLS)
    return metrics, (key, pa.table({"query_id": range(3, 51, 2), **by_query}))


CELLS = pa.schema([*CELL_KEY.items(), *METRICS])


def compare(cells, not_run=(), deterministic=()):
    """The table of cells' metrics and queries."""
    metrics, queries = zip(*cells, strict=True)
    return comparison.compare(metrics, differences.methods(queries, deterministic), not_run)


def between(queries, deterministic=()):
    """Differences between the methods of cells, given their queries."""
    return differences.between_methods(differences.methods(queries, deterministic))


@pytest.fixture(scope="module")
def cells():
    several = [(variant, bits, seed) for variant in ("itq", "<b>lsh</b>") for bits in (8, 16) for seed in (0, 1, 2)]
    return [cell(*one) for one in several] + [cell("itq", 8, 0, dataset="pairs", unseen=False, items=499)]


@pytest.fixture(scope="module")
def table(cells):
    return compare(cells)


def join_costs(table, disturbed=()):
    """The table with made-up costs of the first four rows on digits; the fourth encodes images directly.

    The search of these rows was disturbed.
    """
    place = {"dataset": "digits", "protocol": "p", "backbone": "alexnet-fc7", "weights": "untrained-0@abc"}
    common = {"unit": "s", "repeats": 9, "threads": 1, "hardware": "cpu"}
    rows = [{**place, **common, "quantity": name, "value": 0.002} for name in ("preprocess_best", "backbone_best")]
    own = ("training_processor", "hash_best", "encode_best", "bytes_per_item", "search_flat_rate")
    for number, (variant, bits) in enumerate(zip(table["variant"][:4], table["bits"][:4], strict=True)):
        cell = {**place, **common, "variant": variant, "bits": bits}
        left_out = "hash_best" if number == 3 else "encode_best"
        rows += [{**cell, "quantity": name, "value": number + 0.5} for name in own if name != left_out]
        rows[-1] |= {"items": 10**6, "disturbed": number in disturbed}
    return cost_columns.join(table, [pa.Table.from_pylist(rows, schema=COSTS)])


def audits_of(table):
    """Two made-up mistakes for each row."""
    rows = [
        {**row, "mistake": mistake, "printed": 0.123, "right": 0.5, "queries": 4}
        for row in table.to_dict("records")
        for mistake in ("one way", "another <way>")
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def joined(table):
    return join_costs(table)


@pytest.fixture(scope="module")
def audits(table):
    return audits_of(table)


@pytest.fixture(scope="module")
def tested(cells):
    return between([queries for _, queries in cells])


SPLIT = {"seed": 0, "sha256": "5a5a", "query": 4, "train": 1234, "database": 5678}


def render(joined, tested, audits, run="run & <name>", galleries=(), designs=(), split=SPLIT, supervised=("itq",)):
    """The page, with the same made-up curve for each of its rows."""
    curves = joined[[name for name in CELL_KEY if name != "seed"]].merge(
        pd.DataFrame({"distance": [0, 1], "recall": [0.5, 1], "precision": [0.9, 0.3]}), how="cross"
    )
    facts = {
        "settings": {},
        "date": "2026-11-28",
        "command": "snakemake --cores 8 --config 'bits=[8, 16]'",
        "config": "datasets: [<digits>]",
        "versions": {"l2h": "0.1.0", "numpy": "2"},
        "system": "Linux",
        "processors": ["a CPU"],
        "splits": dict.fromkeys(joined["dataset"] + "/" + joined["protocol"], split),
        "times": [{"rule": "train", "jobs": 3, "wall": 1234.5, "processor": 2.0, "memory": 300.0}],
    }
    text, _ = page.render(joined, tested, audits, curves, designs, galleries, {run: facts}, set(supervised))
    return text


@pytest.fixture(scope="module")
def rendered(joined, tested, audits):
    return render(joined, tested, audits)


@pytest.fixture(scope="module")
def digits(joined):
    """The rows of one section."""
    return joined[joined["dataset"] == "digits"]


@pytest.fixture(scope="module")
def published_page(joined, tested, audits):
    """The page of a row with a published value, on trained weights; and the row."""
    mnist = joined.assign(dataset="mnist", protocol="mnist-1k", weights="imagenet1k_v1@abc", method="dsh")[:1]
    return render(mnist, tested, audits), mnist.iloc[0]


@pytest.fixture(scope="module")
def drawn(digits):
    """The charts of one section, without curves."""
    return plots.drawn(Data(digits, pd.DataFrame()))


def specs_of(text):
    return json.loads(re.search(r'id="specs">(.*?)</script>', text, re.DOTALL)[1])


def of(cells, metric, ties, k=None, normalise="relevant"):
    rows = [row for part, _ in cells for row in part.to_pylist()]
    wanted = {"metric": metric, "ties": ties, "k": k, "normalise": normalise}
    return [row["value"] for row in rows if all(row[name] == value for name, value in wanted.items())]


def test_rows_are_means_over_seeds(table):
    assert list(zip(table["dataset"], table["variant"], table["bits"], strict=True)) == [
        ("digits", "itq", 8),
        ("digits", "itq", 16),
        ("digits", "<b>lsh</b>", 8),
        ("digits", "<b>lsh</b>", 16),
        ("pairs", "itq", 8),
    ]
    cells = [cell("itq", 16, seed) for seed in (0, 1, 2)]
    row = table.iloc[1]
    assert row["seeds"] == 3
    assert row["map"] == pytest.approx(np.mean(of(cells, "map", "expected")))
    assert row["map_std"] == pytest.approx(np.std(of(cells, "map", "expected"), ddof=1))
    assert row["map_worst"] == pytest.approx(np.mean(of(cells, "map", "worst")))
    assert row["map_best"] == pytest.approx(np.mean(of(cells, "map", "best")))
    assert row["map_unseen"] == pytest.approx(np.mean(of(cells, "map_unseen", "expected")))
    assert row["map_at_100"] == pytest.approx(np.mean(of(cells, "map", "expected", 100, "retrieved")))
    for name in ("precision", "recall"):
        for k in (100, 1000):
            assert row[f"{name}_at_{k}"] == pytest.approx(np.mean(of(cells, name, "expected", k, None)))


def test_intervals_and_differences_are_of_means_over_seeds(cells, table, tested):
    def values(variant):
        some = [queries for _, queries in cells if (queries[0]["variant"], queries[0]["bits"]) == (variant, 16)]
        return np.stack([part["average_precision"].to_numpy() for _, part in some])

    itq, lsh = values("itq"), values("<b>lsh</b>")
    row = table.iloc[1]
    assert itq.min() <= row["map_low"] < row["map"] < row["map_high"] <= itq.max()
    assert tested[["dataset", "bits", "variant", "other"]].to_numpy().tolist() == [
        ["digits", 8, "itq", "<b>lsh</b>"],
        ["digits", 16, "itq", "<b>lsh</b>"],
    ]
    assert row["interval"] == "queries and trainings"
    row = tested.iloc[1]
    assert row["difference"] == pytest.approx(np.mean(itq - lsh))
    found = difference(*(Trainings(values(variant)) for variant in ("itq", "<b>lsh</b>")))
    assert row[["low", "high", "p", "p_holm"]].tolist() == [found.low, found.high, found.p, found.p]
    assert row["interval"] == "queries and trainings"


def test_exact_search_is_compared_with_every_code_length(beside):
    cells = [cell("cosine", 40, 0, scope="exact"), cell("l2", 40, 0, scope="exact")]
    cells += [cell("itq", bits, 0) for bits in (16, 8)]
    tested = between([queries for _, queries in cells])
    assert tested[["bits", "variant", "other"]].to_numpy().tolist() == [
        [16, "itq", "cosine"],
        [16, "itq", "l2"],
        [8, "itq", "cosine"],
        [8, "itq", "l2"],
        [40, "cosine", "l2"],
    ]
    exact, itq = (per[1][1]["average_precision"].to_numpy().mean() for per in (cells[0], cells[2]))
    assert tested["difference"][0] == pytest.approx(itq - exact)
    rows = beside[beside["variant"].isin(["cosine", "itq"]) & (beside["backbone"] == "alexnet-fc7")]
    (entry,) = answer.answers(rows, answer.tested_pairs(tested.assign(p_holm=0.01)), set())
    better = entry["best"]["map"] > exact
    assert [(row["variant"], row["verdict"]) for row in entry["yardsticks"]] == [
        ("cosine", "better than" if better else "worse than")
    ]


@pytest.fixture(scope="module")
def with_external():
    """Two backbones, and two external codes, one of which ranks like itq of the first backbone."""
    cells = [cell("cosine", 40, 0, scope="exact")]
    cells += [cell("itq", bits, 0, backbone=backbone) for backbone in ("alexnet-fc7", "vgg16-fc7") for bits in (8, 16)]
    cells += [cell("itq", 16, 0, "pairs")]
    return cells + [cell(name, 16, 0, scope="external", backbone="external") for name in ("our", "theirs")]


def test_external_codes_are_compared_with_the_methods_of_every_backbone(with_external):
    queries = [queries for _, queries in with_external]
    tested = between(queries)
    assert tested[["dataset", "backbone", "bits", "variant", "other"]].to_numpy().tolist() == [
        ["digits", "alexnet-fc7", 8, "itq", "cosine"],
        ["digits", "alexnet-fc7", 16, "itq", "our"],
        ["digits", "alexnet-fc7", 16, "itq", "theirs"],
        ["digits", "alexnet-fc7", 16, "itq", "cosine"],
        ["digits", "alexnet-fc7", 16, "our", "cosine"],
        ["digits", "alexnet-fc7", 16, "theirs", "cosine"],
        ["digits", "vgg16-fc7", 16, "itq", "our"],
        ["digits", "vgg16-fc7", 16, "itq", "theirs"],
        ["digits", "external", 16, "our", "theirs"],
    ]
    score = {
        (key["variant"], key["backbone"], key["bits"]): np.mean(part["average_precision"]) for key, part in queries
    }
    row = tested.iloc[2]
    assert row["difference"] == pytest.approx(score["itq", "alexnet-fc7", 16] - score["theirs", "external", 16])
    assert row["low"] <= row["difference"] <= row["high"]
    same = tested.iloc[1]  # codes of our own, handed over as a file
    assert same[["difference", "low", "high"]].tolist() == [0, 0, 0]
    assert same.isna()[["p", "p_holm"]].all()  # another training might rank otherwise
    table = compare(with_external)
    assert len(table) == len(with_external)
    assert table["map_low"].notna().all()


def test_external_codes_are_compared_in_the_report(with_external):
    table = compare(with_external)
    tested = between([queries for _, queries in with_external])
    rows = table[(table["dataset"] == "digits") & table["backbone"].isin(["alexnet-fc7", "external"])]
    rows = rows.assign(map=rows["map"].where(rows["variant"] != "theirs", 0.99))
    *_, entry = answer.answers(rows, answer.tested_pairs(tested.assign(p_holm=0.01)), set())
    assert entry["best"]["variant"] == "theirs"
    assert [(row["variant"], row["verdict"]) for row in entry["yardsticks"]] == [("cosine", "better than")]
    for p, level in ((0.5, True), (0.01, False)):
        made = page.table([rows], answer.tested_pairs(tested.assign(p_holm=p)))
        marked = {(row["variant"], row["bits"]): row["level"] for row in made["rows"]}
        assert marked["itq", 16] == level


def test_cells_of_other_queries_are_not_compared(cells):
    (_, (key, queries)), (_, other) = cells[0], cells[3]
    with pytest.raises(L2HError, match="digits, p, alexnet-fc7, .* were ranked for different queries"):
        between([(key, queries.set_column(0, "query_id", [range(24)])), other])


def test_costs_join_their_rows_and_leave_the_others_empty(table, joined, tmp_path):
    assert list(joined["training_processor"][:4]) == [0.5, 1.5, 2.5, 3.5]
    assert np.isnan(joined["training_processor"][4])
    assert joined["image_ms"][0] == pytest.approx(4)
    assert joined["hash_us"][1] == pytest.approx(1.5e6)
    assert joined["image_ms"][3] == pytest.approx(3500)
    assert np.isnan(joined["hash_us"][3])
    assert joined[list(table.columns)].equals(table)
    cost_columns.write_table(joined, tmp_path / "table.md")
    lines = [re.split(r" *\| *", line)[1:-1] for line in (tmp_path / "table.md").read_text().splitlines()]
    assert len(lines) == 2 + len(table)
    assert lines[0][-7:] == list(cost_names.COSTS.values())
    assert f"{table['map'][0]:.3f}" in lines[2]
    assert lines[3][-7:] == ["1.5", "4", "1,500,000", "2", "1.5", "1,000,000", "9"]
    assert lines[5][-7:] == ["3.5", "3,500", "–", "4", "3.5", "1,000,000", "9"]
    assert [lines[6][5], *lines[6][-7:]] == ["–"] * 8  # nothing unseen, and no costs


def test_only_trainings_count_on_any_cpu(table):
    key = {name: table[name][0] for name in CELL_KEY if name != "seed"}
    rows = [
        {**key, "quantity": quantity, "value": value, "hardware": hardware}
        for quantity, value, hardware in (
            ("backbone_best", 0.002, "cpu"),
            ("backbone_best", 0.001, "gpu"),
            ("training_processor", 7.0, "another node"),
        )
    ]
    joined = cost_columns.join(table, [pa.Table.from_pylist(rows, schema=COSTS)])
    assert (joined["image_ms"][0], joined["training_processor"][0]) == (2, 7)


def test_disturbed_costs_are_marked_everywhere(table, tested, audits, rendered, tmp_path):
    best = table[:2]["map"].idxmax()  # of itq, which the report's first sentence on digits is about
    joined = join_costs(table, disturbed=[best])
    assert list(joined["search_flat_rate_disturbed"]) == [row == best for row in range(len(table))]
    rate = f"{best + 0.5:.1f}*"
    cost_columns.write_table(joined, tmp_path / "table.md")
    text = (tmp_path / "table.md").read_text()
    assert re.findall(r"[\d.]+\*", text) == [rate]
    assert text.endswith(f"\n\n\\* {cost_names.DISTURBED}.\n")
    page = render(joined, tested, audits).partition("<script>")[0]
    assert page.count(f"<td>{rate}</td>") == 1
    assert f"<strong>* {cost_names.DISTURBED}.</strong>" in page
    assert "--forcerun costs" in page
    page = rendered.partition("<script>")[0]
    assert not re.search(r"\d\*", page)
    assert "--forcerun costs" not in page


def test_a_disturbed_cost_is_marked_in_its_chart(digits, drawn):
    first = digits.assign(training_processor_disturbed=np.arange(len(digits)) == 0)
    for chart, labels in (
        (training_processor(Data(first, pd.DataFrame())), ["16", "16", "8", "8*"]),
        (drawn["training-processor"], ["16", "16", "8", "8"]),
    ):
        (points,) = (rows for rows in chart.to_dict()["datasets"].values() if "label" in rows[0])
        assert sorted(point["label"] for point in points) == labels


def test_a_sum_is_disturbed_if_a_part_of_it_is(table):
    key = {name: table[name][0] for name in CELL_KEY if name != "seed"}

    def joined(*disturbed):
        quantities = ("preprocess_best", "backbone_best", "hash_best")
        rows = [
            {**key, "quantity": name, "value": 0.001, "hardware": "cpu", "disturbed": name in disturbed}
            for name in quantities
        ]
        row = cost_columns.join(table, [pa.Table.from_pylist(rows, schema=COSTS)]).iloc[0]
        return [cost_columns.text(row, name) for name in ("image_ms", "hash_us", "code_ms")]

    assert joined() == ["2", "1,000", "3"]
    assert joined("backbone_best") == ["2*", "1,000", "3*"]
    assert joined("hash_best") == ["2", "1,000*", "3*"]


def test_without_any_costs_the_page_has_none(table, tested, audits, tmp_path):
    joined = cost_columns.join(table, [])
    assert joined[[*cost_names.COSTS, "code_ms"]].isna().all(axis=None)
    assert not cost_columns.disturbed(joined)
    assert joined[list(table.columns)].equals(table)
    cost_columns.write_table(joined, tmp_path / "table.md")
    text = render(joined, tested, audits)
    assert "Costs on digits" not in text
    assert "training, CPU s" not in text
    assert "Scores under common evaluation bugs" in text


def test_the_audit_shows_correct_and_wrong_scores(rendered):
    assert rendered.count("another &lt;way&gt;") == 2 * 2  # the largest error, and each
    assert rendered.count("<td>0.500</td>\n<td>0.123</td><td>0.123</td>") == 5
    assert rendered.count("<td>0.123</td><td>-0.377</td></tr>") == 4  # the largest error of each mistake


def test_the_page_marks_methods_level_with_the_best(joined, tested, audits):
    """At 8 bits, not at 16: in the matrix, in that with intervals, and in all results."""
    text = render(joined, tested.assign(p_holm=[0.5, 0.01]), audits, supervised=())
    scores = joined[joined["dataset"] == "digits"].groupby("bits")["map"]
    assert re.findall(r">≈ ([\d.]+)", text) == [f"{scores.min()[8]:.3f}"] * 3
    for bits in (8, 16):
        assert text.partition('id="all"')[0].count(f'class="best">{scores.max()[bits]:.3f}') == 2
    assert "Bold: best of its group" in text


def test_undefined_values_are_empty(table):
    last = table.iloc[-1]
    assert np.isnan(last["map_std"])  # one seed
    assert np.isnan(last["map_unseen"])  # nothing unseen


def test_csv_parquet_and_markdown_are_reproducible(table, tmp_path):
    for name in ("a", "b"):
        comparison.write(table, *(tmp_path / f"{name}.{suffix}" for suffix in ("csv", "parquet", "md")))
    for suffix in ("csv", "parquet", "md"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    assert pd.read_csv(tmp_path / "a.csv")["map"].to_numpy() == pytest.approx(table["map"].to_numpy(), abs=1e-6)
    assert pd.read_parquet(tmp_path / "a.parquet").equals(table)
    assert len((tmp_path / "a.md").read_text().splitlines()) == len(table) + 2


def test_the_summary_is_a_table_per_setting(table, beside):
    random = "untrained network: random features"
    digits, _ = (part.splitlines() for part in summary(table).split("\n\n"))
    assert digits[0] == f"digits (p, alexnet-fc7, {random}): mAP over the whole database, means of 3 trainings"
    trained = summary(table.assign(weights="imagenet1k_v1@abc")).split("\n\n")[1]
    assert trained.startswith("pairs (p, alexnet-fc7): mAP")
    rows = table[table["dataset"] == "digits"].set_index(["variant", "bits"])["map"]
    assert [line.split() for line in digits[1:]] == [
        ["bits", "8", "16"],
        *([name, f"{rows[name, 8]:.3f}", f"{rows[name, 16]:.3f}"] for name in dict.fromkeys(rows.index.droplevel(1))),
    ]
    assert len({len(line) for line in digits[1:]}) == 1  # columns stand below each other
    digits, theirs, other = (part.splitlines() for part in summary(beside).split("\n\n"))
    assert digits[0].endswith("mAP over the whole database, one training")
    exact = beside.set_index("variant")["map"]["cosine"]
    assert digits[-1] == f"  exact search on the features: cosine {exact:.3f}"
    assert theirs[0].startswith("digits (p, external): mAP")
    assert other[-1].split()[0] == "theirs"


def test_the_page_holds_every_map_and_loads_nothing(table, rendered):
    assert "run &amp; &lt;name&gt;" in rendered
    assert "<b>lsh</b>" not in rendered
    body = rendered.partition("<script>")[0]
    for value in table["map"]:
        assert f"{value:.3f}" in body
    assert body.count("<section") == 1 + 2 + 2 + 4
    assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", body)
    places = ("digits-p-alexnet-fc7", "pairs-p-alexnet-fc7")
    assert {name for name in specs_of(rendered) if name.endswith(("map", "recall", "radius"))} == {
        f"{place}-{kind}" for place in places for kind in ("map", "precision-recall", "radius")
    }


def test_warnings_are_above_the_results_and_in_the_table(joined, tested, audits, rendered):
    assert "have nothing relevant" not in rendered
    assert "queries that find nothing" not in rendered
    assert "found twice" not in rendered
    here = joined["dataset"] == "digits"
    doubtful = joined.copy()
    doubtful.loc[here, "lone_queries"] = 2
    doubtful.loc[here & (joined["variant"] == "itq"), "nothing_chosen"] = 1
    notes = [asdict(Note("converted (grey)", 1234, ["a.png", "<b>.png"], more=True))]
    page = render(doubtful, tested, audits, split={**SPLIT, "notes": notes})
    assert page.count("2 queries have nothing relevant in the database: each counts as 0 for every method.") == 1
    assert "No learning rate and epoch could be chosen for itq at 8 bits, itq at 16 bits:" in page
    assert "queries that find nothing" in page
    assert page.count("<li>converted (grey): 1,234 (a.png, &lt;b&gt;.png, ...)</li>") == 2  # one per dataset


def test_only_tested_methods_are_marked_best(joined, audits, tested):
    text = render(joined, tested.assign(p_holm=np.nan), audits, supervised=())
    assert "no best method is marked, because" in text
    assert not re.search(r'class="(best|level)">(≈ )?0', text.partition('id="all"')[0])


MARKS = {0.5: ["level", "best"], 0.01: ["", "best"], None: ["", ""]}  # of the lower and the higher of two


@pytest.mark.parametrize("p", MARKS)
def test_the_marks_of_the_matrix_follow_the_tests(table, tested, p):
    rows = table[table["dataset"] == "digits"].assign(map=[0.5, 0.8, 0.6, 0.7])  # itq 8, 16, lsh 8, 16
    pairs = answer.tested_pairs(tested.assign(p_holm=p))
    made = matrix.matrix(rows, pairs, set())
    (group,) = made["groups"]
    assert (group["name"], made["bits"]) == ("without labels", [8, 16])
    names = {answer.LEVEL: "level", answer.BEST: "best", "": ""}
    marks = [[names[cell["mark"]] for cell in row["cells"]] for row in group["rows"]]
    low, high = MARKS[p]
    assert marks == [[low, high], [high, low]]
    assert made["marked"] == (p is not None)
    for row in group["rows"]:
        for cell in row["cells"]:
            other = max(rows.to_dict("records"), key=lambda one: (one["bits"] == cell["bits"], one["map"]))
            said = answer.verdict(other, cell, pairs)
            assert (cell["mark"] == answer.LEVEL) == (said == answer.LEVEL)
    assert made["groups"][0]["rows"][0]["last"]["bits"] == 16


def test_each_group_of_the_matrix_has_its_own_best(table, tested):
    rows = table[table["dataset"] == "digits"].assign(map=[0.5, 0.8, 0.6, 0.7])
    made = matrix.matrix(rows, answer.tested_pairs(tested.assign(p_holm=0.01)), {"itq"})
    assert [group["name"] for group in made["groups"]] == ["with labels", "without labels"]
    assert not made["marked"]  # each is alone in its group


@pytest.fixture(scope="module")
def paper(table, tested):
    """A full matrix: marks, a gap, references with and without their own length."""
    rows = table[table["dataset"] == "digits"].assign(map=[0.5, 0.8, 0.6, 0.7])[:3]
    rows["variant"] = rows["variant"].replace("<b>lsh</b>", "l_sh|")
    references = [
        ("pq", "baseline", 8, 0.66),
        ("pq", "baseline", 16, 0.67),
        ("one_hot", "baseline", 4, 0.7),
        ("l2", "exact", 40, 0.9),
    ]
    more = [rows[:1].assign(variant=name, scope=scope, bits=bits, map=score) for name, scope, bits, score in references]
    pairs = answer.tested_pairs(tested.assign(other="l_sh|", p_holm=0.5))
    return matrix.matrix(pd.concat([rows, *more], ignore_index=True), pairs, set())


def test_the_matrix_becomes_latex(paper):
    assert (
        matrix.latex(paper)
        == r"""\begin{tabular}{lrr}
\toprule
method & 8 bits & 16 bits \\
\midrule
itq & \underline{0.500} & 0.800 \\
l\_sh| & \textbf{0.600} & -- \\
\midrule
pq & 0.660 & 0.670 \\
one\_hot & 0.700 & 0.700 \\
l2 & 0.900 & 0.900 \\
\bottomrule
\end{tabular}"""
    )


def test_the_matrix_becomes_markdown(paper):
    assert (
        matrix.markdown(paper)
        == r"""| method | 8 bits | 16 bits |
| :-- | --: | --: |
| itq | *0.500* | 0.800 |
| l_sh\| | **0.600** | – |
| pq | 0.660 | 0.670 |
| one_hot | 0.700 | 0.700 |
| l2 | 0.900 | 0.900 |"""
    )


def test_exact_search_alone_has_a_matrix(table):
    made = matrix.matrix(table[:1].assign(variant="l2", scope="exact", bits=40, map=0.9), {}, set())
    assert matrix.markdown(made).splitlines()[0::2] == ["| method | 40 bits |", "| l2 | 0.900 |"]


def test_the_page_has_latex_and_markdown_to_copy(rendered):
    assert rendered.count(r"\begin{tabular}{lrr}") == 1  # at 8 and 16 bits
    assert "| method | 8 bits | 16 bits |" in rendered
    assert 'data-copy="digits-latex"' in rendered


def test_sections_of_one_dataset_have_unique_titles(with_external, audits):
    table = compare(with_external)
    text = render(join_costs(table), between([queries for _, queries in with_external]), audits)
    heads = re.findall(r'<h2 id="([^"]+)">([^<]+)</h2>', text)
    titles = [title for _, title in heads]
    assert len(set(titles)) == len(titles)
    assert {"digits, alexnet-fc7 in detail", "digits, vgg16-fc7 in detail", "pairs in detail"} <= set(titles)
    ids = re.findall(r' id="([^"]+)"', text.partition("<script>")[0])
    assert len(set(ids)) == len(ids)
    (across,) = re.findall(r"Which backbone on digits\?</h2>.*?</section>", text, re.DOTALL)
    scores = [float(score) for score in re.findall(r"<td>(0\.\d{3})</td>", across)]
    assert scores == sorted(scores, reverse=True)
    assert set(re.findall(r'href="#([^"]+)"', across)) == {"digits-alexnet-fc7", "digits-vgg16-fc7"}
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)


@pytest.fixture(scope="module")
def beside():
    """A table with exact search, which has one row, and external codes, which have no backbone."""
    cells = [
        cell("cosine", 40, 0, scope="exact"),
        *(cell("itq", bits, 0) for bits in (16, 8)),
        cell("theirs", 8, 0, scope="external", backbone="external"),
        cell("theirs", 8, 0, "pairs", scope="external", backbone="external"),
    ]
    return compare(cells)


def test_external_codes_are_shown_beside_each_backbone(beside, tested):
    audits = audits_of(beside[beside["variant"] == "itq"])
    text = render(join_costs(beside), tested, audits)
    rows = re.findall(r'<tr data-place="(.*?)".*?<th scope="row">(.*?)</th>', text, re.DOTALL)
    here, there = "digits, p, alexnet-fc7", "pairs, p, external"
    assert rows == [(here, "cosine"), (here, "itq"), (here, "itq"), (here, "theirs"), (there, "theirs")]
    spec = specs_of(text)["digits-p-alexnet-fc7-map"]
    names = next(rows for rows in spec["datasets"].values() if "place" in rows[0])
    assert {row["variant"] for row in names} == {"itq", "theirs", "cosine"}


def test_the_table_marks_the_best_in_each_direction(table, tested):
    rows = table[table["dataset"] == "digits"].assign(empty_in_radius=[0.1, 0.2, 0.3, 0.1], map=[0.5, 0.8, 0.6, 0.7])
    made = page.table([rows, table[table["dataset"] == "pairs"]], answer.tested_pairs(tested.assign(p_holm=0.5)))
    assert made["apart"] == ["dataset"]
    assert made["places"] == ["digits, p, alexnet-fc7", "pairs, p, alexnet-fc7"]
    assert [("empty_in_radius" in row["best"], "map" in row["best"]) for row in made["rows"][:4]] == [
        (True, False),
        (False, True),
        (False, True),
        (True, False),
    ]
    assert [row["level"] for row in made["rows"]] == [True, False, False, True, False]
    assert made["rows"][4]["best"] == set()  # nothing to be better than
    assert not any("map_std" in row["best"] for row in made["rows"])
    heads = {column["name"]: (column["head"], column["metric"], column["k"]) for column in made["columns"]}
    assert heads["map_at_100"] == ("mAP@100", "map", 100)
    assert heads["precision_at_100"] == ("precision@100", "precision", 100)
    assert heads["recall_at_1000"] == ("recall@1000", "recall", 1000)
    names = [column["name"] for column in made["columns"]]
    assert names[:3] == ["map", "map_low", "map_std"]
    assert heads["map_low"] == ("95% CI", "map", 0)
    assert "map_high" not in heads  # it stands in one cell with map_low
    assert "near_constant_bits" not in heads  # nobody has it here


def test_bounds_and_common_values_are_not_marked(table, tested):
    rows = table[table["dataset"] == "digits"]  # two methods at each length
    rows = pd.concat([rows, rows.assign(variant="sh")], ignore_index=True)  # and a third, which is equal to the first
    rows["empty_in_radius"] = [0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3]
    rows["near_constant_bits"] = [0, 0, 0, 0, 7, 7, 7, 7]
    rows["distinct_codes"] = 9.0
    found = page.table([rows], {})["rows"]
    marked = set().union(*(row["best"] for row in found))
    assert [row["variant"] for row in found if "empty_in_radius" in row["best"]] == ["itq", "itq"]
    assert "near_constant_bits" in marked  # which half of the rows have
    assert not {"map", "map_best", "map_worst", "distinct_codes"} & marked
    rows["near_constant_bits"] = [0, 0, 0, 0, 0, 0, 7, 7]
    assert not any("near_constant_bits" in row["best"] for row in page.table([rows], {})["rows"])


def read_markdown(path):
    lines = path.read_text().splitlines()
    heads, _, *rows = [[field.strip() for field in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    return pd.DataFrame(rows, columns=heads).replace("", None)


@pytest.mark.parametrize(("kind", "read"), [("csv", pd.read_csv), ("parquet", read_frame), ("md", read_markdown)])
def test_metrics_at_k_beyond_the_database_are_empty(kind, read, table, tmp_path):
    """The databases have 1,000 digits and 499 pairs."""
    comparison.write(table, *(tmp_path / f"comparison.{kind}" for kind in ("csv", "parquet", "md")))
    written = read(tmp_path / f"comparison.{kind}")
    for name in ("map", "precision", "recall"):
        for k, empty in (
            (250, [False] * 5),
            (500, [False] * 4 + [True]),
            (1000, [False] * 4 + [True]),
            (2500, [True] * 5),
        ):
            assert written[f"{name}_at_{k}"].isna().tolist() == empty


def test_the_page_leaves_out_empty_columns(table, joined, tested, tmp_path):
    made = page.table([rows for _, rows in table.groupby("dataset")], answer.tested_pairs(tested))
    assert made["depths"] == [100, 250, 500, 1000]
    assert [pd.isna(row["map_at_500"]) for row in made["rows"]] == [False] * 4 + [True]
    cost_columns.write_table(joined, tmp_path / "table.md")
    shown = read_markdown(tmp_path / "table.md")
    assert (shown["mAP@1000"] == "–").tolist() == [False] * 4 + [True]


def test_the_first_screen_says_that_features_are_random(rendered, published_page):
    assert rendered.count("Untrained network: random features.") == 2
    assert rendered.rindex("Untrained network: random features.") < rendered.index("Best of each group")
    trained, _ = published_page
    assert "ntrained network" not in trained


def test_charts_say_how_empty_queries_count(rendered):
    assert rendered.count("A query without items within it counts as precision 0") == 2
    assert rendered.count("A query without items within the radius counts as precision 0") == 2


def test_the_answer_names_the_best_of_each_group(table, tested):
    rows = table[table["dataset"] == "digits"].assign(map=[0.5, 0.8, 0.6, 0.7])  # itq 8, 16, lsh 8, 16
    rows = pd.concat([rows, rows.assign(variant="sh", map=[0.55, 0.9, 0.55, 0.9])[:2]])
    pair = tested[tested["bits"] == 16].assign(variant="sh", other="<b>lsh</b>", p_holm=0.06)
    with_labels, without = answer.answers(rows, answer.tested_pairs(pair), {"itq"})
    assert (with_labels["group"], with_labels["best"]["variant"]) == ("with labels", "itq")
    assert (without["best"]["variant"], without["best"]["bits"], without["best"]["map"]) == ("sh", 16, 0.9)
    for p, level, untested in ((0.06, ["<b>lsh</b>"], []), (0.04, [], []), (None, [], ["<b>lsh</b>"])):
        found = answer.answers(rows, answer.tested_pairs(pair.assign(p_holm=p)), {"itq"})[1]
        assert (found["level"], found["untested"]) == (level, untested)


def test_the_answer_compares_with_baselines_and_external_codes(table, tested):
    rows = table[table["dataset"] == "digits"].assign(map=[0.5, 0.8, 0.6, 0.7])
    rows["scope"] = rows["scope"].where(rows["variant"] == "itq", "baseline")
    for p, said in ((0.01, "better than"), (0.05, "no significant difference from")):
        (entry,) = answer.answers(rows, answer.tested_pairs(tested.assign(p_holm=p)), set())
        assert [(row["variant"], row["bits"], row["verdict"]) for row in entry["yardsticks"]] == [
            ("<b>lsh</b>", 16, said)
        ]
    own_length = rows[:1].assign(variant="one_hot", scope="baseline", bits=4)
    (entry,) = answer.answers(pd.concat([rows, own_length]), {}, set())
    assert [(row["variant"], row["bits"]) for row in entry["yardsticks"]] == [("<b>lsh</b>", 16), ("one_hot", 4)]
    rows["scope"] = "external"
    (entry,) = answer.answers(rows, {}, {"itq"})
    assert entry["group"] == "external codes"
    assert entry["untested"] == ["<b>lsh</b>"]


def queries_of(variant, seed, effect, protocol="p", scope="shallow", Q=60):
    """Average precisions of a cell: an effect of each query, one of the training, and a residual."""
    rng, own = np.random.default_rng(7), np.random.default_rng([seed, len(variant)])
    values = 0.6 + rng.normal(0, 0.1, Q) + own.normal(0, effect) + own.normal(0, 0.02, Q)
    place = {"dataset": "d", "protocol": protocol, "backbone": "b", "weights": "w"}
    key = {**place, "variant": variant, "method": "m", "scope": scope, "bits": 8, "seed": seed}
    return key, pa.table({"query_id": range(Q), "average_precision": values})


def test_with_one_training_random_methods_are_not_tested(audits):
    one = [
        cell(name, 16, 0, scope=scope) for name, scope in (("itq", "shallow"), ("lsh", "shallow"), ("sh", "shallow"))
    ]
    one.append(cell("cosine", 40, 0, scope="exact"))
    queries = [queries for _, queries in one]
    tested = between(queries, {"sh"}).set_index(["variant", "other"])
    assert tested.index[tested["p"].notna()].tolist() == [("sh", "cosine")]
    assert tested["interval"].value_counts().to_dict() == {"queries, for this training": 5, "queries": 1}
    assert tested["low"].notna().all()
    table = compare(one, deterministic={"sh"})
    assert table["interval"].tolist() == ["queries, for this training"] * 2 + ["queries"] * 2
    text = re.sub(r"\s+", " ", render(join_costs(table), tested.reset_index(), audits))
    assert "One training: intervals cover the choice of queries" in text
    assert "no best method is marked" in text
    assert "no significant difference:" not in text
    assert re.search(r"highest without labels; not tested: \w+", text)
    skewed = join_costs(
        table.assign(interval="none: 24 queries, about 99 needed as their values are skewed", map_low=np.nan)
    )
    text = re.sub(r"\s+", " ", render(skewed, tested.reset_index(), audits))
    assert "no 95% CI (24 queries, about 99 needed as their values are skewed)" in text


def test_the_pairs_of_one_code_length_are_corrected_together():
    cells = [queries_of(name, seed, 0.01) for name in ("a", "bb", "ccc") for seed in (0, 1, 2)]
    tested = between(cells)
    assert tested["p_holm"].tolist() == pytest.approx(holm(tested["p"].tolist()))


def test_the_report_states_detectable_differences(joined, tested, audits):
    effects = {"a": 0.01, "bb": 0.01, "ccc": 0.01}
    cells = [queries_of(name, seed, effect) for name, effect in effects.items() for seed in range(4)]
    (design,) = power.of_settings(differences.methods([*cells, queries_of("cosine", 0, 0, scope="exact")]))
    assert (design.trainings, design.queries, design.bits, design.pairs) == (4, 60, 8, 6)
    assert design.splits is None
    assert sum(design.shares().values()) == pytest.approx(1)
    assert 0.005 < design.detectable() < 0.05
    assert design.detectable(trainings=8) < design.detectable()
    said = power.sentence([design])
    assert said.startswith(
        f"With 4 trainings and 60 queries, a true difference in mAP of {design.detectable():.3f} is detected"
    )
    rows = joined[joined["dataset"] == "digits"]
    own = replace(design, setting=tuple(rows.iloc[0][differences.SETTING]))
    text = render(joined, tested, audits, designs=[own])
    assert html.escape(said) in text
    chart = specs_of(text)["digits-p-alexnet-fc7-power"]
    assert "trainings" in json.dumps(chart)
    assert power.of_settings(differences.methods(cells[::4])) == []  # one training
    fixed = [queries_of(name, 0, 0) for name in ("a", "bb")]  # which can be tested, but say nothing of trainings
    assert power.of_settings(differences.methods(fixed, {"a", "bb"})) == []


def test_several_splits_add_their_own_variance():
    shift = {"p": 0.0, "p-seed1": 0.1, "p-seed2": -0.1}  # by which one method is better on a split
    cells = []
    for protocol, by in shift.items():
        for name in ("a", "bb"):
            for seed in range(4):
                key, table = queries_of(name, seed, 0.001, protocol)
                values = table["average_precision"].to_numpy() + (by if name == "a" else 0)
                cells.append((key, table.set_column(1, "average_precision", [values])))
    designs = power.of_settings(differences.methods(cells))
    assert [design.splits for design in designs] == pytest.approx([0.01] * 3, rel=0.1)
    assert designs[0].shares()["splits"] > 0.9


def test_baselines_above_all_hashes_are_named(table, joined, tested, audits):
    hashes = table[table["dataset"] == "digits"].assign(map=[0.5, 0.8, 0.6, 0.7])
    baselines = hashes.assign(variant="classifier", scope="baseline", map=[0.7, 0.9, 0.85, 0.81])
    exact = hashes[:1].assign(variant="cosine", scope="exact", map=0.95)
    slower = baselines.assign(variant="pq", map=0.8)  # no better than the best hash
    rows = pd.concat([hashes, baselines, exact, slower], ignore_index=True)
    assert [(row["variant"], row["map"]) for row in answer.ahead(rows)] == [("cosine", 0.95), ("classifier", 0.9)]
    assert answer.ahead(hashes) == []
    assert summary(rows).splitlines()[-1] == "  no hash reaches classifier 0.900"
    digits = joined["dataset"] == "digits"
    more = joined[digits].assign(variant="classifier", scope="baseline", map=0.999)
    text = render(pd.concat([joined, more], ignore_index=True), tested, audits)
    said = text.partition("No hash here reaches")[2].partition("</p>")[0]
    assert said == " classifier at 8 bits (0.999)."


def test_the_page_shows_results_codes_and_near_copies(joined, tested, audits):
    def answer_of(variant):
        hits = [{"id": 4, "distance": 0, "relevant": True}, {"id": 6, "distance": 2, "relevant": False}]
        last = {"distance": 2, "shown": 1, "size": 1234, "relevant": 56}
        return {"variant": variant, "bits": 16, "average_precision": 0.25, "hits": hits, "last": last}

    def codes_of(variant):
        figures = {"distinct_codes": 7.0, "bit_entropy": 0.75}
        images = {"by_label": ["data:c"], "share": "data:s", "correlation": "data:r"}
        return {"variant": variant, "bits": 16, "figures": figures, **images}

    pair = {"query_id": 3, "id": 6, "similarity": 0.9961, "flipped": True}
    gallery = {
        "dataset": "digits",
        "protocol": "p",
        "backbone": "alexnet-fc7",
        "judge": "itq",
        "queries": [{"id": 3, "why": "best", "answers": [answer_of(name) for name in ("<b>lsh</b>", "itq")]}],
        "labels": [5],
        "codes": [codes_of(name) for name in ("<b>lsh</b>", "itq")],
        "near_copies": {"queries": 1, "pairs": 2, "shown": [pair]},
        "images": {str(number): {"image": f"data:{number}", "labels": [number, 9]} for number in (3, 4, 6)},
    }
    text = re.sub(r"\s+", " ", render(joined, tested, audits, galleries=[gallery]))
    assert text.count('<td class="right"><img src="data:4" alt="image 4, labels 4, 9">') == 1 + 2  # the judge, then all
    assert text.count('<td class="wrong"><img src="data:6" alt="image 6, labels 6, 9">') == 1 + 2
    assert text.count("1 of 1,234 shown,<br>56 relevant") == 1 + 2
    order = [text.index(f'alt="codes of label 5 by {name}"') for name in ("itq", "&lt;b&gt;lsh&lt;/b&gt;")]
    assert order == sorted(order)  # the table's, not the file's
    assert "<td>7</td><td>7</td>" in re.sub("> <", "><", text)
    assert "1, in 2 pairs (resources/digits/splits/p.near_copies.parquet)" in text
    assert "query 3 and 6, mirrored, similarity 0.9961" in text
    assert text.count("No gallery: the run has no images") == 1  # of the other dataset
    named = ["a", "b", "c", "<cat>", "d", "eel"]  # and none for 6 and 9
    digits = joined[joined["dataset"] == "digits"]
    text = re.sub(r"\s+", " ", render(digits, tested, audits, galleries=[{**gallery, "classes": named}]))
    assert 'alt="image 3, labels &lt;cat&gt;, 9">' in text
    assert 'alt="image 6, labels 6, 9">' in text
    assert '<th scope="row">eel</th>' in text
    assert 'alt="codes of eel by itq"' in text


def test_curves_are_means_over_seeds(cells):
    found = curves.precision_recall([part for part, _ in cells])
    one = found[(found["dataset"] == "digits") & (found["variant"] == "itq") & (found["bits"] == 8)]
    some = [cell("itq", 8, seed) for seed in (0, 1, 2)]
    for row in one.to_dict("records"):
        assert row["precision"] == pytest.approx(
            np.mean(of(some, "precision_at_distance", None, row["distance"], None))
        )
        assert row["recall"] == pytest.approx(np.mean(of(some, "recall_at_distance", None, row["distance"], None)))
    assert set(one["distance"]) == set(range(9))
    nothing = pa.table(cells[0][0].to_pydict() | {"value": [0.0] * len(cells[0][0])}, schema=CELLS)
    assert curves.precision_recall([nothing]).empty


def test_every_axis_says_what_is_better_and_bands_are_intervals(drawn):
    assert set(drawn) == {"map", "radius", "hash-us", "training-processor"}
    for name, chart in drawn.items():
        spec = json.dumps(chart.to_dict())
        titles = set(re.findall(r'"title": "([^"]*)"', spec)) - {"method", "bits"}
        assert titles
        assert all(re.search(r"\((higher|lower) is better\)$", title) for title in titles)
        assert ('"type": "area"' in spec) == (name == "map")


def test_times_are_rounded_without_an_exponent(digits, tested, audits):
    times = [("digits", 1284.0), ("more", 0.0501)]
    rows = [digits.assign(dataset=name, image_ms=value, hash_us=0, code_ms=value) for name, value in times]
    text = render(pd.concat(rows, ignore_index=True), tested, audits)
    assert text.count('<td class="cost">1,300</td>') == text.count('<td class="cost">0.05</td>') == 2
    assert text.count("<td>1,300</td>") == text.count("<td>0.05</td>") > 0


def test_a_legend_of_long_names_has_fewer_columns(digits):
    for name, columns in (("itq", 4), ("hashnet-two-layers", 2), ("a" * 60, 1)):
        chart = radius.draw(Data(digits.assign(variant=name), pd.DataFrame()))
        assert chart.to_dict()["config"]["legend"]["columns"] == columns


def test_a_legend_names_what_is_drawn_and_a_method_keeps_its_colour(digits):
    rows = digits.assign(**dict.fromkeys(("hash_us", "training_processor"), np.nan))
    rows.loc[rows["variant"] == "itq", "precision_in_radius"] = np.nan
    found = plots.drawn(Data(rows, pd.DataFrame()))
    assert set(found) == {"map", "radius"}  # there are no costs to draw
    numbers = Data(rows, pd.DataFrame()).numbers
    scale = found["radius"].to_dict()["layer"][-1]["encoding"]["color"]["scale"]
    assert scale == {"domain": ["<b>lsh</b>"], "range": [looks.symbols(numbers)["<b>lsh</b>"]["color"]]}
    whole = found["map"].to_dict()["layer"][1]["encoding"]["color"]["scale"]
    assert dict(zip(*whole.values(), strict=True)) == {
        name: look["color"] for name, look in looks.symbols(numbers).items()
    }


def test_the_page_has_one_legend_for_all_charts(rendered):
    assert rendered.partition("<script>")[0].count("data-variant=") == 2
    encoding = specs_of(rendered)["digits-p-alexnet-fc7-radius"]["layer"][-1]["encoding"]
    assert encoding["color"]["legend"] is encoding["shape"]["legend"] is None


def test_charts_become_files(drawn, tmp_path):
    plots.write({"one": drawn["radius"]}, tmp_path / "plots")
    assert (tmp_path / "plots/one.png").read_bytes().startswith(b"\x89PNG")
    assert "precision, Hamming radius 2 (higher is better)" in (tmp_path / "plots/one.svg").read_text()


def test_only_the_same_protocol_metric_method_and_length_is_compared(table):
    ours = table.assign(weights="imagenet1k_v1@abc", method="itq", dataset="mnist", protocol="mnist-1k")[:2]
    known = {"source": "s", "dataset": "mnist", "protocol": "mnist-1k", "metric": "mAP@all", "method": "itq", "bits": 8}
    known |= {"backbone": "theirs", "value": 0.25, "note": "n"}
    others = [{"dataset": "x"}, {"protocol": "x"}, {"metric": "mAP@7"}, {"method": "x"}, {"bits": 9}]
    figures = pd.DataFrame([known, {**known, "metric": "mAP@100", "bits": 16}, *({**known, **one} for one in others)])
    both = published.beside(ours, figures)
    assert both[["metric", "bits"]].to_numpy().tolist() == [["mAP@all", 8], ["mAP@100", 16]]
    assert list(both["ours"]) == [ours["map"].iloc[0], ours["map_at_100"].iloc[1]]
    assert both["difference"].iloc[0] == pytest.approx(ours["map"].iloc[0] - 0.25)
    assert both["their_backbone"].iloc[0] == "theirs"
    assert published.beside(ours.assign(weights="untrained-0@abc"), figures).empty


def test_published_figures_have_sources_and_known_metrics(rendered, published_page):
    figures = published.read()
    assert (figures["source"] != "").all()
    assert figures["value"].between(0, 1).all()
    assert figures["metric"].str.fullmatch(r"mAP@(all|\d+)").all()
    assert "Published results: none" in rendered
    text, row = published_page
    assert f"<td>{row['map']:.3f}</td>\n<td>0.960</td><td>{row['map'] - 0.96:+.3f}</td>" in text
    assert "alexnet (full fine-tune); best epoch chosen on the queries" in text


def test_the_page_has_run_info(rendered):
    for words in (
        "&#39;bits=[8, 16]&#39;",
        "datasets: [&lt;digits&gt;]",
        "5a5a",
        "5,678",
        "1,234.5",
        "untrained-0@abc",
    ):
        assert words in rendered


def test_a_dataset_with_a_source_is_linked(rendered):
    assert rendered.count('<a href="https://archive.ics.uci.edu/dataset/80">digits</a>') == 2
    assert '<th scope="row">pairs</th>' in rendered


def test_a_report_on_embeddings_speaks_of_vectors(joined, tested, audits):
    """The paper of its method is linked, too."""
    rows = joined[joined["dataset"] == "pairs"].assign(dataset="mine", backbone="embeddings", method="csq")
    rows = rows.assign(map_unseen=0.5, lone_queries_unseen=2, bytes_per_item=8.0)
    notes = [asdict(Note("identical images", 2, ["images.npy[3]"]))]
    body = render(rows, tested, audits, split={**SPLIT, "notes": notes}).partition("<script>")[0]
    text = re.sub(r"\s+", " ", re.sub("<style.*?</style>|<[^>]+>", " ", body, flags=re.DOTALL))
    assert text.count("mAP, unseen vectors") == 3  # in the table, its filter and the terms
    assert "among the vectors that nothing was trained on" in text
    assert "identical vectors: 2 (images.npy[3])" in text
    assert re.findall(r"\w* images?\b(?!\.npy)", text) == []
    assert "Gallery" not in text
    assert 'CVPR 2020, <a href="https://arxiv.org/abs/1908.00347"' in body


@pytest.mark.parametrize(
    ("backbones", "word"),
    [
        (["alexnet-fc7", "external"], "images"),
        (["embeddings", "external"], "vectors"),
        (["embeddings", "alexnet-fc7"], "items"),
        (["external"], "items"),
    ],
)
def test_items_are_named_by_their_features(backbones, word):
    assert nouns.noun(pd.DataFrame({"backbone": backbones})) == word


def test_methods_are_listed_with_their_sources(tmp_path, own_plugins):
    plugin = tmp_path / "mine.py"
    head = '"""My method.\n\nDoe, "Hashing", 2026.\n"""\nfrom l2h import hashing\n'
    head += "from l2h.hashing.shallow.lsh import LSH\n"
    plugin.write_text(f'{head}@hashing.register("mine")\nclass Mine(LSH):\n    """Signs of\n    `mine`."""\n')
    plugins.load([str(plugin)])
    rows = pd.DataFrame({"method": ["dsh", "mine", "dsh", "gone"], "variant": ["dsh", "m", "dsh-mlp", "gone"]})
    dsh, mine, gone = links.methods(rows)
    assert dsh["variants"] == ["dsh", "dsh-mlp"]
    assert [method["page"] for method in (dsh, mine, gone)] == ["reference/methods/dsh.md", "", ""]
    assert (ROOT / "docs" / dsh["page"]).is_file()
    assert dsh["source"].endswith('"Deep Supervised Hashing for Fast Image Retrieval", CVPR 2016.')
    assert (mine["about"], mine["source"]) == ("Signs of mine.", 'Doe, "Hashing", 2026.')
    assert (gone["about"], gone["source"]) == ("", "")


def test_pages_of_the_docs_are_named_or_linked(monkeypatch):
    folder = Path(page.__file__).parent
    named = re.findall(r"""docs\("(.*?)"\)""", "".join(path.read_text() for path in folder.glob("*.jinja")))
    assert len(named) > 8
    assert [name for name in named if not (ROOT / "docs" / name).is_file()] == []
    monkeypatch.setattr(links, "_site", lambda: "")
    assert links.docs("explanation/ties.md") == "<code>docs/explanation/ties.md</code>"
    monkeypatch.setattr(links, "_site", lambda: "https://l2h.example/en")
    link = '<a href="https://l2h.example/en/explanation/ties.html">docs/explanation/ties.md</a>'
    assert links.docs("explanation/ties.md") == link


def test_the_head_states_what_is_compared_and_when(rendered):
    assert '<p class="soft">2 datasets · 2 methods · 8–16 bits · 3 trainings · 2026-11-28</p>' in rendered


def test_run_info_comes_from_the_run_s_files(tmp_path):
    images = pa.table(
        {
            "id": [0, 1, 2],
            "role": ["query", "train", "database"],
            "image_sha256": pa.array([bytes([n] * 32) for n in range(3)], pa.binary(32)),
            "labels": pa.array([[0], [0], [1]], pa.list_(pa.int32())),
        },
        schema=splits.SPLIT,
    )
    split = Split(images, "p", 7)
    write_split(tmp_path / "p.parquet", split)
    hashes, labels = images["image_sha256"].to_pylist(), images["labels"].to_pylist()
    note = Note("converted (grey)", 1, ["a.png"])
    write_manifest(tmp_path / "m.parquet", hashes, labels, ["a.png", "b.png", "c.png"], notes=[note])
    (tmp_path / "my.yaml").write_text("bits: [8]")
    head = "s\tmax_rss\tcpu_time\n"
    (tmp_path / "train.tsv").write_text(head + "2.5\t100\t2\n")
    (tmp_path / "train-b.tsv").write_text(head + "1.5\tNA\tNA\n")
    (tmp_path / "rank.tsv").write_text(head + "9\t50\t8\n")
    files = {"train": ["train.tsv", "train-b.tsv", "none.tsv"], "rank": ["rank.tsv"], "evaluate": ["none.tsv"]}
    plan = {rule: [str(tmp_path / name) for name in names] for rule, names in files.items()}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    of = ("again", tmp_path / "my.yaml", ["a", "a"], {"d/p": (tmp_path / "p.parquet", tmp_path / "m.parquet")})
    facts = run_info.facts(*of, tmp_path / "plan.json")
    assert facts["config"] == "bits: [8]"
    assert facts["processors"] == ["a"]
    date.fromisoformat(facts["date"])
    counts = {"query": 1, "train": 1, "database": 1}
    assert facts["splits"]["d/p"] == {"seed": 7, "sha256": split.sha256, **counts, "notes": [asdict(note)]}
    assert facts["times"] == [
        {"rule": "rank", "jobs": 1, "wall": 9, "processor": 8, "memory": 50},
        {"rule": "train", "jobs": 2, "wall": 4, "processor": 2, "memory": 100},
    ]
    assert facts["versions"]["numpy"] == np.__version__
    with pytest.raises(L2HError, match=r"none.json does not exist; .* without --no-hooks"):
        run_info.facts(*of, tmp_path / "none.json")


def test_a_truncated_table_is_one_line(table, tmp_path):
    path = tmp_path / "t.parquet"
    comparison.write(table, tmp_path / "t.csv", path, tmp_path / "t.md")
    assert read_frame(path).equals(table)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(L2HError, match=r"t.parquet is damaged or cut short .*; delete it and run again"):
        read_frame(path)


NOT_RUN = [{"dataset": "far", "protocol": "q", "not_run": "get <it> from afar"}]


@pytest.fixture(scope="module")
def partial(cells):
    """The table of a run in which one dataset was not available."""
    return compare(cells, NOT_RUN)


def test_datasets_not_run_are_the_last_rows(table, partial, tmp_path):
    assert partial[:-1].equals(table)
    assert partial.iloc[-1].dropna().to_dict() == {**NOT_RUN[0], "seeds": 0}
    comparison.write(partial, *(tmp_path / f"t.{suffix}" for suffix in ("csv", "parquet", "md")))
    csv = (tmp_path / "t.csv").read_text().splitlines()
    assert csv[1].startswith("digits,p,alexnet-fc7,untrained-0@abc,itq,m,shallow,8,3,0.")
    assert re.fullmatch(r"far,q,{7}0,{18,}get <it> from afar,*", csv[-1])
    assert pd.read_parquet(tmp_path / "t.parquet").equals(partial)
    assert re.search(r"\| far +\| q +\|( +\|){6} +0 \|.*\| get <it> from afar \|$", (tmp_path / "t.md").read_text())
    assert "nan" not in (tmp_path / "t.md").read_text()


def test_datasets_not_run_have_no_values(partial, tested, audits, tmp_path):
    ran, lines = comparison.split_off(partial)
    assert lines == ["far (q): get <it> from afar"]
    assert ran["bits"].dtype == np.int64
    assert summary(partial).splitlines()[-1] == "not run: far (q): get <it> from afar"
    joined = join_costs(partial)
    cost_columns.write_table(joined, tmp_path / "table.md")
    assert (tmp_path / "table.md").read_text().endswith("\n\nNot run: far (q): get <it> from afar\n")
    text = render(joined, tested, audits)
    assert "<strong>Not run:</strong> far (q): get &lt;it&gt; from afar" in text
    assert text.count("<section") == 1 + 2 + 2 + 4
