"""Lock, conda environment and declared dependencies agree, and are audited for vulnerabilities."""

import importlib.util
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]


def pins(name: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([\w.-]+)==([^\s\\]+)", (ROOT / name).read_text(), flags=re.MULTILINE):
        found.setdefault(package, set()).add(version)
    return found


def program(path: str):
    """A Python file outside the package, as a module."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LOCKS = {  # what each installs beside the light core
    "requirements-core.lock": [],
    "requirements.lock": ["deep", "embeddings", "pipeline", "report"],
    "requirements-extras.lock": ["deep", "embeddings", "pipeline", "report", "timm", "lite0", "slurm"],
    "requirements-docs.lock": ["deep", "embeddings", "pipeline", "report"],
    "requirements-dev.lock": ["deep", "embeddings", "pipeline", "report", "timm", "lite0", "slurm", "dev"],
}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def distributions(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w-]+", text)[0] for text in requirements} - {"l2h"}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_dependency_is_pinned_with_hashes(lock):
    extras = PYPROJECT["project"]["optional-dependencies"]
    names = distributions(
        PYPROJECT["project"]["dependencies"] + [text for extra in LOCKS[lock] for text in extras[extra]]
    )
    assert names <= pins(lock).keys()
    lines = (ROOT / lock).read_text().splitlines()
    pinned = [number for number, line in enumerate(lines) if re.match(r"[\w.-]+==", line)]
    assert len(pinned) > len(names)
    assert all(lines[number + 1].startswith("    --hash=sha256:") for number in pinned)


def test_the_light_core_has_no_package_of_an_extra():
    extras = PYPROJECT["project"]["optional-dependencies"]
    assert (
        not distributions([text for texts in extras.values() for text in texts]) & pins("requirements-core.lock").keys()
    )


@pytest.mark.parametrize("lock", LOCKS)
def test_tests_run_on_the_versions_that_users_run(lock):
    dev = pins("requirements-dev.lock")
    assert all(versions == dev.get(name, versions) for name, versions in pins(lock).items())


def test_build_dependencies_are_pinned():
    build = PYPROJECT["build-system"]["requires"]
    assert PYPROJECT["dependency-groups"]["build"] == build
    for lock in LOCKS.keys() - {"requirements-core.lock"}:
        assert distributions(build) <= pins(lock).keys()


def test_only_the_docs_lock_has_sphinx():
    docs = PYPROJECT["dependency-groups"]["docs"]
    assert distributions(docs) <= pins("requirements-docs.lock").keys()
    dev = pins("requirements-dev.lock").keys()
    assert all(pins(lock).keys() <= dev for lock in LOCKS.keys() - {"requirements-docs.lock"})


@pytest.mark.parametrize("package", ["torch", "torchvision"])
def test_exact_versions_are_only_in_the_locks(package):
    (requirement,) = (
        text for text in PYPROJECT["project"]["optional-dependencies"]["deep"] if text.split(">")[0] == package
    )
    assert "==" not in requirement


def test_the_conda_environment_is_the_lock():
    text = (ROOT / "envs" / "l2h.yaml").read_text()
    assert text == program("envs/from_lock.py").environment()
    requirements = yaml.safe_load(text)["dependencies"][-1]["pip"]
    found: dict[str, set[str]] = {}
    for package, version in (re.match(r"([\w.-]+)==([^\s;]+)", pin).groups() for pin in requirements):
        found.setdefault(package, set()).add(version)
    assert found == pins("requirements.lock")


KNOWN, UNKNOWN = {"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}
HOLE = {"id": "PYSEC-1", "fix_versions": ["2", "3"], "aliases": [], "description": ""}


@pytest.mark.parametrize(
    ("packages", "said", "code"),
    [
        ([KNOWN, UNKNOWN], "no known vulnerability in 1 of 2 packages; the rest is not in the database", 0),
        ([UNKNOWN], "not done, as the database that was reached knows none of 1 packages", 0),
        ([UNKNOWN, {**KNOWN, "vulns": [HOLE]}], "a 1: PYSEC-1, fixed in 2, 3", 1),
        ([{**KNOWN, "vulns": [{**HOLE, "fix_versions": []}]}], "a 1: PYSEC-1, fixed in no version yet", 1),
        ("requests.exceptions.ConnectionError: no such host", "not done, as the database cannot be reached", 0),
        ("ERROR:pip_audit: no such file", "pip-audit failed (ERROR:pip_audit: no such file)", 1),
        ("", "pip-audit failed (nothing)", 1),
    ],
)
def test_the_audit_fails_on_findings_but_not_offline(packages, said, code):
    texts = ("", packages) if isinstance(packages, str) else (json.dumps({"dependencies": packages}), "")
    found = program(".ci/audit.py").report(subprocess.CompletedProcess([], code, *texts))
    assert said in found[0]
    assert found[1] == code


def test_the_audit_covers_the_whole_lock():
    audit = program(".ci/audit.py")
    assert pins("requirements.lock").keys() <= pins(audit.LOCK.name).keys()
