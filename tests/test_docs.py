"""The documentation says what is so; its commands are run or dry-run by `test_workflow`."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import jsonschema
import pytest
import yaml

from l2h import store
from l2h.config import resolve
from workspace import ROOT

PAGES = [ROOT / "README.md", ROOT / "config/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_the_pages_that_follow_from_the_code_are_up_to_date():
    spec = spec_from_file_location("generate", ROOT / "docs/generate.py")
    generate = module_from_spec(spec)
    spec.loader.exec_module(generate)
    for file, page in generate.PAGES.items():
        assert (ROOT / "docs/reference" / file).read_text() == page(), f"docs/reference/{file} is old; say make docs"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, heading = target.partition("#")
        if "://" not in target:
            linked = page.parent / path if path else page
            assert linked.exists(), target
            titles = re.findall(r"^#+ (.*)$", linked.read_text(), re.M) if heading else []
            anchors = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
            assert not heading or heading in anchors, target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_configs_fit_the_schema(page):
    needed = {"datasets": ["digits"], "backbones": ["alexnet"], "methods": ["itq"]}
    for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.M | re.S):
        jsonschema.validate({**needed, **yaml.safe_load(block)}, SCHEMA)


def test_the_tutorial_s_config_uses_the_quickstart_s_features_again():
    (block,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs/tutorial.md").read_text(), re.M | re.S)
    configs = [yaml.safe_load(text) for text in (block, (ROOT / "config/quickstart.yaml").read_text())]
    for config in configs:
        resolve(config, ROOT / "workflow/schemas/config.schema.yaml")
    (mine,), (quickstart,) = (config["backbones"] for config in configs)
    assert mine["id"] == quickstart["id"]


def test_every_page_is_reached_from_the_first():
    index = (ROOT / "docs/README.md").read_text()
    for page in (ROOT / "docs").glob("*/*.md"):
        assert f"]({page.relative_to(ROOT / 'docs')})" in index, page
    assert "](docs/README.md)" in (ROOT / "README.md").read_text()


def test_every_column_of_every_file_is_described():
    text = (ROOT / "docs/reference/files.md").read_text()
    schemas = {name: value for name, value in vars(store).items() if type(value).__name__ == "Schema"}
    assert len(schemas) >= 7
    for name, schema in schemas.items():
        for column in schema.names:
            assert f"`{column}`" in text, f"{name}: {column}"
