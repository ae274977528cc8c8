"""Small file systems for tests: one that fills up, one that is read-only. Only root can mount them."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[Path]:
    """Mount a file system at a folder, for as long as the context lasts; skip the test if that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *arguments, folder], capture_output=True, text=True)  # noqa: S607
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607


def small(folder: Path, size: str):
    """An empty file system of this size, such as "8m"."""
    return mounted(folder, "-t", "tmpfs", "-o", f"size={size}", "tmpfs")


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """The folder, read-only even for root."""
    with mounted(folder, "--bind", folder):
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)  # noqa: S607
        yield folder
