"""`l2h compare` on a finished run and a copy of it that claims another config."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from l2h import paths
from l2h.cli import main
from l2h.runs import Run, description
from l2h.store.results import QUERIES, iter_queries, write_frame, write_queries


def change(run, **facts):
    """Change entries of a run's description."""
    description.write({**description.read(run), **facts}, run / "run.json")


@pytest.fixture
def runs(finished, tmp_path):
    """The run, and a copy whose description has other parameters of ITQ."""
    first, second = tmp_path / "results/tiny", tmp_path / "results/other"
    for folder in (first, second):
        shutil.copytree(finished.folder / "results/tiny", folder)
    facts = json.loads((second / "run.json").read_text())
    (itq,) = (entry for entry in facts["settings"]["methods"] if entry["label"] == "itq")
    itq["params"] = {"n_iter": 7}
    change(second, settings=facts["settings"])
    return first, second


STRANGE = {  # by the fact that an untrusted run.json changes
    "command": 5,
    "processors": "x",
    "versions": {"l2h": 1},
    "splits": {"../../x/p": {"seed": 0, "sha256": "", "query": 1, "train": 1, "database": 1}},
    "times": [{"rule": "train"}],
    "supervised": [3],
    "deterministic": "itq",
    "settings": {"bits": [8], "seeds": [0], "threads": {"features": 10**9}},
    "homes": {"digits": "/etc"},
    "weights": {"alexnet-pool5": None},
}


def compare(*runs, output, more=()):
    return main(["compare", *map(str, runs), "-o", str(output), *more])


def test_rows_are_those_of_the_runs(runs, tmp_path, capsys):
    assert compare(*runs, output=tmp_path / "both") == 0
    both = pd.read_parquet(tmp_path / "both/comparison.parquet")
    own = pd.read_parquet(runs[0] / "comparison.parquet")
    assert both.columns.tolist() == ["run", *own.columns]
    for name in ("tiny", "other"):
        rows = both[both["run"] == name].drop(columns="run").reset_index(drop=True)
        cells = ["dataset", "protocol", "variant", "bits"]
        pd.testing.assert_frame_equal(*(table.sort_values(cells, ignore_index=True) for table in (rows, own)))
    assert both["run"].tolist() == ["tiny", "other"] * len(own)  # each cell of one beside that of the other
    lines = (tmp_path / "both/comparison.csv").read_text().splitlines()
    assert sorted(line.removeprefix("other,") for line in lines if line.startswith("other,")) == sorted(
        (runs[0] / "comparison.csv").read_text().splitlines()[1:]
    )
    out = capsys.readouterr().out
    assert "methods.itq.params.n_iter: tiny not given; other 7" in out
    assert "tiny: itq" in out


def test_methods_are_tested_against_each_other_across_runs(runs, tmp_path):
    compare(*runs, output=tmp_path / "both")
    tested = pd.read_csv(tmp_path / "both/differences.csv")
    own = pd.read_csv(runs[0] / "differences.csv")
    pairs = tested.set_index(["dataset", "bits", "variant", "other"])
    for row in own.to_dict("records"):
        for one, other in (("tiny", "tiny"), ("tiny", "other"), ("other", "other")):
            names = (f"{one}: {row['variant']}", f"{other}: {row['other']}")
            found = pairs.loc[(row["dataset"], row["bits"], *names)]
            assert found["difference"] == pytest.approx(row["difference"], abs=1e-6)
            assert found["p"] == pytest.approx(row["p"], abs=1e-6, nan_ok=True)
    same = tested[tested["variant"].str.removeprefix("tiny: ") == tested["other"].str.removeprefix("other: ")]
    assert len(same) == (pd.read_parquet(runs[0] / "comparison.parquet")["seeds"] > 0).sum()
    assert (same["difference"] == 0).all()


def test_the_page_shows_both_runs_and_their_differences(runs, tmp_path, capsys):
    assert compare(*runs, output=tmp_path / "both", more=["--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["runs"] == ["tiny", "other"]
    assert told["differing"] == [{"key": "methods.itq.params.n_iter", "values": [None, 7]}]
    page = (tmp_path / "both/report.html").read_text()
    for words in ("l2h · tiny, other", "tiny: itq", "other: itq", "methods.itq.params.n_iter", "tiny again"):
        assert words in page
    assert list((tmp_path / "both/plots").glob("*.svg"))


def test_a_method_of_only_one_run_is_named(runs, tmp_path, capsys):
    facts = json.loads((runs[1] / "run.json").read_text())
    methods = [*facts["settings"]["methods"], {"method": "itq", "label": "mine", "scope": "shallow", "params": {}}]
    change(runs[1], settings={**facts["settings"], "methods": methods})
    compare(*runs, output=tmp_path / "both")
    assert "methods.mine: only in other\n" in capsys.readouterr().out
    page = (tmp_path / "both/report.html").read_text()
    assert '<th scope="row">methods.mine</th><td class="text">–</td><td class="text">present</td>' in page


def test_different_splits_or_metrics_of_one_name_are_refused(runs, tmp_path, capsys):
    facts = json.loads((runs[1] / "run.json").read_text())
    place = "digits/digits-300"
    change(runs[1], splits={**facts["splits"], place: {**facts["splits"][place], "sha256": "0" * 64}})
    assert compare(*runs, output=tmp_path / "both") == 1
    assert "tiny and other have different splits of digits, digits-300" in capsys.readouterr().err
    change(runs[1], splits=facts["splits"], metrics={**facts["metrics"], "map": "something else"})
    assert compare(*runs, output=tmp_path / "both") == 1
    assert "tiny and other mean different things by map;" in capsys.readouterr().err
    assert not (tmp_path / "both").exists()


def test_invalid_arguments_are_one_line(runs, tmp_path, capsys):
    for words, line in (
        ([runs[0], runs[0]], "a comparison needs at least two different runs"),
        ([runs[0], tmp_path / "none"], "there is no run"),
    ):
        assert compare(*words, output=tmp_path / "both") == 1
        err = capsys.readouterr().err
        assert line in err
        assert err.count("\n") == 1
    assert compare(*runs, output=runs[1]) == 1
    assert "is the folder of a run; choose another one" in capsys.readouterr().err


def test_runs_of_one_name_are_named_by_their_paths(runs, tmp_path, capsys):
    twin = tmp_path / "elsewhere/tiny"
    twin.parent.mkdir()
    runs[1].rename(twin)
    assert compare(runs[0], twin, output=tmp_path / "both", more=["--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == [str(runs[0]), str(twin)]


@pytest.mark.parametrize("fact", STRANGE)
def test_an_untrusted_run_must_have_a_valid_description(runs, tmp_path, capsys, fact):
    change(runs[1], **{fact: STRANGE[fact]})
    assert compare(*runs, output=tmp_path / "both") == 1
    assert f"run.json is invalid at '{fact}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (lambda rows: rows.assign(backbone="../../../elsewhere"), "but not the cells they come from"),
        (
            lambda rows: rows.assign(dataset=[[1]] * len(rows)),
            "is not a comparison: its column 'dataset' has the wrong type",
        ),
        (lambda rows: rows.assign(map="<b>"), "is not a comparison: its column 'map' has the wrong type"),
        (lambda rows: rows.drop(columns="not_run"), "is not a comparison: columns are missing or duplicated"),
    ],
)
def test_a_table_without_its_cells_is_refused(runs, tmp_path, capsys, tamper, words):
    path = runs[1] / "comparison.parquet"
    own = pd.read_parquet(path)
    changed = tamper(own)
    write_frame(path, pd.concat([own, changed]) if "they are" in words else changed)
    assert compare(*runs, output=tmp_path / "both") == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "both").exists()


def test_power_needs_several_trainings(runs, tmp_path, capsys):
    assert main(["power", str(runs[0])]) == 1
    assert "one training of each method" in capsys.readouterr().err
    root = tmp_path / "work"
    run = root / "results/tiny"
    shutil.copytree(runs[0], run)
    rng = np.random.default_rng(0)
    for setting in Run(run).settings:
        path, cells = Run(run).file(paths.QUERIES, setting), []
        for key, table in iter_queries(path):
            columns = {name: table[name].to_numpy() for name in QUERIES.names}
            moved = np.clip(columns["average_precision"] + rng.normal(0, 0.02, len(table)), 0, 1)
            cells += [(key, columns), ({**key, "seed": 1}, {**columns, "average_precision": moved})]
        write_queries(path, cells, [])
    assert main(["power", str(run)]) == 0
    out = capsys.readouterr().out
    assert "With 2 trainings and 300 queries, a true difference in mAP of" in out
    assert re.search(r"^bits  detectable  to find 0.005 +to find 0.01 +to find 0.02$", out, re.MULTILINE)
    assert main(["power", str(run), "--json"]) == 0
    for found in json.loads(capsys.readouterr().out):
        assert found["bits"] == 8
        assert 0 < found["detectable"] < 1
        assert sum(found["shares"].values()) == pytest.approx(1)
