"""The documentation fits the code: its links, configs, commands and columns."""

import pkgutil
import re
import shlex
import shutil
from contextlib import redirect_stdout
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import yaml

from docstrings import described, labelled, markdown, sections
from l2h import hashing, plugins, store
from l2h.config import complete, resolve
from workspace import ROOT

FIRST = ("README.md", "CONTRIBUTING.md", "config/README.md")
PAGES = [
    *(ROOT / name for name in FIRST),
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in page.parts),
]
METHODS = hashing.registry.names()  # without the plug-ins that other tests load


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_generated_files_are_up_to_date():
    spec = spec_from_file_location("generate", ROOT / "docs/generate.py")
    generate = module_from_spec(spec)
    spec.loader.exec_module(generate)
    for file, text in generate.FILES.items():
        assert (ROOT / file).read_text() == text(), f"{file} is out of date; run make docs"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_have_targets(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, heading = target.partition("#")
        if "://" not in target:
            linked = page.parent / path if path else page
            assert linked.exists(), target
            titles = re.findall(r"^#+ (.*)$", linked.read_text(), re.M) if heading else []
            anchors = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
            assert not heading or heading in anchors, target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_configs_fit_the_models(page):
    needed = {"datasets": ["digits"], "backbones": ["alexnet"], "methods": ["itq"]}
    for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.M | re.S):
        complete({**needed, **yaml.safe_load(block)})


def commands() -> list[str]:
    """The Snakemake commands of all pages, each once."""
    blocks = [block for page in PAGES for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.M | re.S)]
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return list(dict.fromkeys(line.partition("#")[0].strip() for line in lines if line.startswith("snakemake")))


@pytest.fixture(scope="module")
def rules() -> set[str]:
    """The names of all rules."""
    from snakemake.api import SnakemakeApi  # 1 s, for the worker that runs this file alone
    from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings

    config = ConfigSettings(configfiles=[ROOT / "config/quickstart.yaml"])
    with redirect_stdout(StringIO()) as said, SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        api.workflow(ResourceSettings(), config, snakefile=ROOT / "Snakefile").list_rules()
    return set(said.getvalue().split())


@pytest.fixture
def clone(tmp_path, monkeypatch) -> Path:
    """A user's folder: the repository's files, their own config, a folder of images, and copies of downloads."""
    for name in ("config", "profiles", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "config/quickstart.yaml", tmp_path / "my.yaml")
    for name in ("path/to/images", "copies"):
        (tmp_path / name).mkdir(parents=True)
    exports = re.findall(r"^export (.*)$", "\n".join(page.read_text() for page in PAGES), re.M)
    for name, value in (word.split("=", 1) for line in exports for word in shlex.split(line, comments=True)):
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", commands())
def test_commands_are_valid(command, clone, rules):
    """Snakemake knows their options, reads their profiles, and has the rules that they name; their configs resolve."""
    from snakemake.cli import parse_args, parse_config

    _, given = parse_args(shlex.split(command)[1:])
    config = {}
    for path in given.configfile or ["config/config.yaml"]:
        config |= yaml.safe_load(Path(path).read_text())
    resolve({**config, **parse_config(given.config or [])})
    named = {*given.targets, *(given.forcerun or ()), *(given.until or ())}
    assert {name for name in named if "/" not in name} <= rules


def test_the_slurm_profile_groups_jobs_of_rules_that_exist(rules):
    profile = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())
    assert set(profile["groups"]) <= rules


def test_the_tutorial_reuses_the_quickstart_s_features():
    (block,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs/tutorial.md").read_text(), re.M | re.S)
    configs = [yaml.safe_load(text) for text in (block, (ROOT / "config/quickstart.yaml").read_text())]
    for config in configs:
        resolve(config)
    (mine,), (quickstart,) = (config["backbones"] for config in configs)
    assert mine["id"] == quickstart["id"]


def test_the_library_s_example_gives_the_stated_value():
    (block,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/how-to/install.md").read_text(), re.M | re.S)
    names = {}
    exec(block, names)  # noqa: S102  (a page of the documentation)
    assert block.endswith(f"  # {names['mean_average_precision']:.3f}\n")


def test_the_replacement_of_copied_evaluation_code_runs(capsys):
    (block,) = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "docs/how-to/replace-evaluation.md").read_text(), re.M | re.S
    )
    rng = np.random.default_rng(0)
    codes = {"query_codes": rng.normal(size=(5, 16)), "database_codes": rng.normal(size=(1200, 16))}
    labels = {"query_labels": rng.integers(0, 2, 5), "database_labels": rng.integers(0, 2, 1200)}
    exec(block, {**codes, **labels})  # noqa: S102  (a page of the documentation)
    assert all(0.3 < float(value) < 0.7 for value in capsys.readouterr().out.split())


def test_every_page_is_linked_from_the_index():
    index = (ROOT / "docs/README.md").read_text()
    for folder in ("explanation", "how-to", "reference"):
        for page in (ROOT / "docs" / folder).glob("*.md"):
            assert page.name == "index.md" or f"]({folder}/{page.name})" in index, page
    assert "](docs/README.md)" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", METHODS)
def test_each_method_has_a_page_with_all_its_parts(name):
    cls = hashing.registry.get(name)
    text = (ROOT / f"docs/reference/methods/{name}.md").read_text()
    parts = dict(re.findall(r"^## (.+?)\n\n(.+?)(?=^## |\Z)", text, re.M | re.S))
    needed = {"Idea", "Parameters", "Multi-label", "Pitfalls", "Example"}
    if cls.kind not in ("exact", "external"):  # neither is from a paper
        needed.add("Source")
    if cls.kind != "external":
        needed.add("Loss" if cls.scopes else "Formula")
    assert needed <= parts.keys()
    undescribed = [line for line in parts["Parameters"].splitlines() if line.endswith("|  |")]
    assert not undescribed


def test_each_page_of_a_method_is_of_a_method():
    pages = (ROOT / "docs/reference/methods").glob("*.md")
    assert {page.stem for page in pages} == set(METHODS)


def test_a_docstring_is_read_by_its_sections_entries_and_labels():
    doc = """Do something.

    More of it.

    Parameters
    ----------
    one, two : a first line
        and a second
    three : x : y

    Notes
    -----
    **Formula.** This one ::

        a * b

    and no other.

    **Multi-label.** All.
    """
    parts = sections(doc)
    assert list(parts) == ["", "Parameters", "Notes"]
    assert parts[""] == "Do something.\n\nMore of it."
    words = {"one": "a first line and a second", "two": "a first line and a second", "three": "x : y"}
    assert described(parts["Parameters"]) == words
    notes = labelled(parts["Notes"])
    assert notes["Multi-label"] == "All."
    assert markdown(notes["Formula"]) == "This one:\n\n```text\na * b\n```\n\nand no other."


def test_every_column_of_every_file_is_described():
    text = (ROOT / "docs/reference/files.md").read_text()
    modules = [import_module(f"l2h.store.{module.name}") for module in pkgutil.iter_modules(store.__path__)]
    named = {name: value for module in modules for name, value in vars(module).items()}
    schemas = {name: value for name, value in named.items() if type(value).__name__ == "Schema"}
    assert len(schemas) >= 7
    for name, schema in schemas.items():
        for column in schema.names:
            assert f"`{column}`" in text, f"{name}: {column}"


def test_the_readme_s_lines_run(capsys, tmp_path, monkeypatch, own_plugins):
    monkeypatch.chdir(tmp_path)
    library, method = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    exec(library, {})  # noqa: S102  (a page of the documentation)
    whole, first = map(float, capsys.readouterr().out.split()[:2])
    assert 0.5 < whole < first < 1
    Path("mine.py").write_text(method)
    plugins.load(["mine.py"])
    rng = np.random.default_rng(0)
    hasher = hashing.make("mine", bits=8, random_state=0, epochs=2)
    assert hasher.fit(rng.normal(size=(60, 5)), np.arange(60) % 3).transform(rng.normal(size=(4, 5))).shape == (4, 1)


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 90
