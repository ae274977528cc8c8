"""Reruns after a change, by dry runs of a finished run; and errors for damaged or wrong files."""

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from glob import glob
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from l2h.store.splits import read_split
from workspace import BACKBONE, CONFIG, ROOT, VARIANTS, Workspace, moved

TABLE = Counter({("comparison of all cells", None): 1, ("report", None): 1})
GALLERY = ("gallery of queries, results and codes", None)
AUDIT = ("scores under common evaluation bugs", None)
COSTS = ("costs, alone on the machine", None)
EVALUATE = ("evaluate all methods", None)
TRAIN = ("train", "rank")
FINETUNE = ("finetune", "encode", "rank")


def again(verbs: tuple, variants: list[str], datasets: int = 2) -> Counter:
    """The plan with these jobs of these variants on so many datasets, and the jobs that follow."""
    cells = Counter({(verb, variant): datasets for verb in verbs for variant in variants})
    audit = Counter({AUDIT: datasets}) if "train" in verbs else Counter()
    costs = Counter({COSTS: datasets}) if {"train", "finetune"} & set(verbs) else Counter()
    return cells + audit + costs + Counter({EVALUATE: datasets, GALLERY: datasets}) + TABLE


@contextmanager
def changed_line(path: Path) -> Iterator[None]:
    """Add a comment to a source file for a while."""
    text = path.read_text()
    path.write_text(text + "# changed\n")
    try:
        yield
    finally:
        path.write_text(text)


@contextmanager
def configured(workspace: Workspace, **change: object) -> Iterator[None]:
    """Use another config for a while."""
    workspace.configure({**CONFIG, **change})
    try:
        yield
    finally:
        workspace.configure(CONFIG)


def test_a_second_call_has_nothing_to_do(copied):
    assert "Nothing to be done" in copied.snakemake("--cores", "2").stderr


@pytest.mark.parametrize(
    ("module", "plan"),
    [
        ("src/l2h/hashing/shallow/itq.py", again(TRAIN, ["itq"])),
        ("src/l2h/report/page.html.jinja", Counter({("report", None): 1})),
        (
            "src/l2h/datasets/leaks.py",  # the check is rerun, and trains nothing
            Counter({("digits: check digits-300 for leaks", None): 1, ("report", None): 1, GALLERY: 2})
            + Counter({("digit_pairs: check digit-pairs-200 for leaks", None): 1}),
        ),
    ],
)
def test_a_changed_line_reruns_only_what_depends_on_it(copied, module, plan):
    """`test_plan` and `test_plan_code` cover other lines without Snakemake."""
    with changed_line(copied.folder / module):
        assert copied.planned() == plan


def test_a_changed_parameter_reruns_only_its_method(copied):
    changed = {"method": "itq", "params": {"n_iter": 7}}
    methods = [changed if entry == "itq" else entry for entry in reversed(CONFIG["methods"])]
    with configured(copied, methods=methods):
        assert copied.planned() == again(TRAIN, ["itq"])


def test_configs_that_share_features_extract_them_once(copied):
    copied.configure({**CONFIG, "bits": [12], "seeds": [3], "methods": ["itq"]}, "other")
    assert copied.planned(config="other") == again(TRAIN, ["itq"])


def test_scope_full_alone_needs_no_features(copied, finished):
    full = [entry for entry in CONFIG["methods"] if "dsh-full" in str(entry)]
    copied.configure({**CONFIG, "methods": full, "bits": [12]}, "other")
    assert copied.planned(config="other") == again(FINETUNE, ["dsh-full"])


def test_changed_external_codes_are_read_again(copied):
    codes = copied.folder / "codes/digits-8.npy"
    before = codes.read_bytes()
    np.save(codes, 1 - np.load(codes))
    plan = copied.planned()
    codes.write_bytes(before)
    assert plan == again(("read", "rank"), ["external"], datasets=1)


def test_the_same_command_recreates_missing_files(copied):
    """Files that only other jobs read; in digits by cell, in digit_pairs those of the setting."""
    cells = copied.folder / f"results/tiny/digits/digits-300/{BACKBONE}"
    setting = copied.folder / f"results/tiny/digit_pairs/digit-pairs-200/{BACKBONE}"
    paths = [cells / f"itq/8bits-seed0/{name}" for name in ("codes.parquet", "training.parquet")]
    paths += [cells / "classifier/8bits-seed0/model", cells / "toy/histograms_unseen.parquet"]
    paths += [cells / "pq/relevance.parquet", cells / "dsh-full/8bits-seed0/codes.parquet"]
    paths += [setting / name for name in ("queries.parquet", "audit.parquet", "costs.parquet", "gallery.json")]
    plan = Counter({("train", name): 1 for name in ("itq", "classifier")}) + Counter({("encode", "dsh-full"): 1})
    plan += Counter({("rank", name): 1 for name in ("itq", "classifier", "toy", "pq", "dsh-full")})
    with ExitStack() as stack:
        for path in paths:
            stack.enter_context(moved(path))
        assert copied.planned() == plan + Counter({EVALUATE: 2, AUDIT: 2, COSTS: 2, GALLERY: 2}) + TABLE


@pytest.mark.parametrize("name", ["differences.parquet", "run.json"])
def test_a_missing_file_of_the_whole_run_is_recreated(copied, name):
    with moved(copied.folder / "results/tiny" / name):
        plan = copied.planned()
    assert plan == (TABLE if name.startswith("differences") else Counter({("report", None): 1}))


def remake(path: Path, more: bytes = b"") -> None:
    """Append bytes to a file."""
    content = path.read_bytes()
    path.unlink()  # it may be a link
    path.write_bytes(content + more)


def test_recreated_shared_files_retrain_nothing(copied):
    for path in sorted((copied.folder / "resources").rglob("*")):
        if path.is_file():
            remake(path)
    assert not copied.planned()


def test_changed_shared_features_are_used(copied):
    (path,) = (copied.folder / "resources/digit_pairs/features").glob("*-cpu2.parquet")
    before = path.read_bytes()
    remake(path, b" ")
    plan = copied.planned()
    path.write_bytes(before)
    assert {name for verb, name in plan if verb == "train"} == {*VARIANTS} - {"dsh-full", "external"}


def documented(sign: str) -> str:
    """The one Snakemake command of docs/how-to/rerun.md with these words in it."""
    text = (ROOT / "docs/how-to/rerun.md").read_text()
    (command,) = (line for line in text.splitlines() if line.startswith("snakemake") and sign in line)
    return command


@pytest.mark.parametrize(
    ("sign", "plan"),
    [
        ("--forcerun results", again(TRAIN, ["itq"], datasets=1)),
        ("--forcerun evaluate", again((), []) + Counter({EVALUATE: 2})),
        ('--config "bits', again(TRAIN, ["itq", "toy"]) + Counter({("read", "external"): 0})),
    ],
)
def test_the_documented_examples_of_reruns_work(sign, plan, copied):
    """The page's commands, with this config instead of the quickstart's."""
    command = (
        documented(sign).replace("config/quickstart.yaml", "tiny.yaml").replace("results/quickstart", "results/tiny")
    )
    command = command.replace("[8, 16, 32, 64, 128]", "[8, 128]")  # one length that is there, and one more
    words = [name for word in shlex.split(command) for name in (sorted(glob(word, root_dir=copied.folder)) or [word])]
    assert words[:5] == ["snakemake", "--cores", "8", "--configfile", "tiny.yaml"]
    methods = ["itq", "toy"] if "bits" in sign else CONFIG["methods"]
    with configured(copied, methods=methods):
        assert copied.planned(*words[5:]) == plan


def test_mistakes_in_the_config_are_one_line(copied):
    with configured(copied, bits=[8, 999]):
        done = copied.snakemake("--cores", "1", check=False)
    assert done.returncode != 0
    assert "config key bits[1]: 999 is out of range; allowed is at least 1 and at most 256" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_file_stops_the_run_with_the_fix(copied, finished):
    path = copied.folder / f"results/tiny/digits/digits-300/{BACKBONE}/metrics.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    done = copied.snakemake("--cores", "1", check=False)
    assert done.returncode != 0
    line = r"\S*metrics.parquet is damaged or cut short .*; delete it and run again"
    assert re.search(f"^error: {line}$", done.stderr, re.MULTILINE)
    assert "Traceback" not in done.stderr
    end = done.stdout[done.stdout.index("Failed jobs:") :]
    assert re.search(rf"^  \w+: {line} \(.+\.log\)$", end, re.MULTILINE)
    path.unlink()
    copied.snakemake("--cores", "2")
    assert path.read_bytes() == whole
    assert copied.comparison() == finished.comparison()


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Workspace:
    """A folder of images whose list of database images has a copy of a query in it."""
    folder = {"root": "photos", "query": "query.txt", "train": "train.txt", "database": "database.txt"}
    data = {"name": "mine", "reader": "image_list", "params": folder}
    config = {**CONFIG, "datasets": [data], "methods": ["itq"], "plugins": []}
    workspace = Workspace(tmp_path_factory.mktemp("photos") / "work", config)
    (workspace.folder / "photos").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (30, 16, 16, 3), np.uint8)
    pixels[29] = pixels[1]
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(workspace.folder / f"photos/{number}.png")
    lists = {"query": range(4), "train": range(4, 16), "database": range(4, 30)}
    for name, numbers in lists.items():
        lines = [f"{number}.png {number % 2} {1 - number % 2}" for number in numbers]
        (workspace.folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return workspace


def test_a_copy_of_a_query_stops_the_run_before_training(images):
    done = images.snakemake("--cores", "1", check=False)
    assert done.returncode != 0
    copy = r"id 29 \(root/29.png\) = query 1 \(root/1.png\)"
    words = f"error: split lists: database holds byte-identical copies of queries, {copy}"
    assert re.search(f"^{words}$", done.stderr, re.MULTILINE), done.stderr
    before = {"dataset", "split", "check_split"}
    assert before <= {job["rule"] for job in images.jobs()} <= before | {"weights", "features"}
    assert (images.folder / "resources/mine/images/root").resolve() == images.folder / "photos"
    split = read_split(images.folder / "resources/mine/splits/lists.parquet")
    assert [len(split.ids(role)) for role in ("query", "train", "database")] == [4, 12, 26]


def test_only_a_replaced_image_reruns_the_dataset(images):
    """Lists and names are unchanged."""
    path = images.folder / "photos/7.png"
    dataset = ("mine: images and manifest", None)
    content = path.read_bytes()
    path.write_bytes(content)
    assert dataset not in images.planned()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(path)
    assert {dataset, ("mine: split lists", None), ("train", "itq")} <= set(images.planned())
    path.write_bytes(content)


def test_a_changed_list_reruns_the_dataset(images):
    path = images.folder / "database.txt"
    path.write_text(path.read_text().replace("29.png 1 0\n", ""))
    plan = images.planned()
    assert {("mine: images and manifest", None), ("mine: split lists", None), ("train", "itq")} <= set(plan)
