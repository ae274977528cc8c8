"""The lock, the conda environment and the declared dependencies say the same."""

import importlib.util
import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def pins(name: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([\w.-]+)==([^\s\\]+)", (ROOT / name).read_text(), flags=re.MULTILINE):
        found.setdefault(package, set()).add(version)
    return found


def test_every_dependency_is_pinned_with_hashes():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.match(r"[\w-]+", text)[0] for text in project["dependencies"]}
    assert names <= set(pins("requirements.lock"))
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pinned = [number for number, line in enumerate(lines) if re.match(r"[\w.-]+==", line)]
    assert len(pinned) > len(names)
    assert all(lines[number + 1].startswith("    --hash=sha256:") for number in pinned)


def test_tests_run_on_the_versions_that_users_run():
    dev = pins("requirements-dev.lock")
    assert all(dev[name] == versions for name, versions in pins("requirements.lock").items())


def test_the_conda_environment_is_the_lock():
    spec = importlib.util.spec_from_file_location("from_lock", ROOT / "envs" / "from_lock.py")
    from_lock = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(from_lock)
    text = (ROOT / "envs" / "l2h.yaml").read_text()
    assert text == from_lock.environment()
    requirements = yaml.safe_load(text)["dependencies"][-1]["pip"]
    assert {re.match(r"[\w.-]+", pin)[0] for pin in requirements} == set(pins("requirements.lock"))
