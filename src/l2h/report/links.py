"""Links of the report: to papers of methods, to homes of datasets, and to the documentation."""

import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import metadata
from typing import Any

import pandas as pd
from markupsafe import Markup

from l2h import datasets, hashing
from l2h.errors import L2HError
from l2h.hashing.sources import about, source
from l2h.registry import Registry


def methods(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """For each method of the comparison's rows: "name", "variants", "about", "source", and "page", of the docs.

    What is not known is "": methods of plug-ins have no page, and nothing if the plug-in is not loaded.
    """
    found = []
    for name, some in rows.groupby("method", sort=False):
        cls = _registered(hashing.registry, str(name))
        said = {"about": about(cls), "source": source(cls)} if cls else {"about": "", "source": ""}
        page = f"reference/methods/{name}.md" if cls and cls.__module__.startswith("l2h.") else ""
        found.append({"name": name, "variants": list(dict.fromkeys(some["variant"])), **said, "page": page})
    return found


def homes(names: Iterable[str]) -> dict[str, str]:
    """The URL in the licence of each registered dataset that has one."""
    known = {name: _registered(datasets.registry, name) for name in names}
    found = {name: re.search(r"https://[^\s,)]*[\w/]", cls.licence) for name, cls in known.items() if cls}
    return {name: address[0] for name, address in found.items() if address}


def docs(page: str) -> Markup:
    """A page of the documentation: a link, or its path in the repository if the package does not name a site.

    Parameters
    ----------
    page : relative to docs/, such as "explanation/ties.md"
    """
    if not (site := _site()):
        return Markup("<code>docs/{}</code>").format(page)
    return Markup('<a href="{}/{}">docs/{}</a>').format(site, page.replace(".md", ".html"), page)


@cache
def _site() -> str:
    """The URL `Documentation` of the package's metadata; "" if pyproject.toml has none."""
    urls = dict(line.split(", ", 1) for line in metadata("l2h").get_all("Project-URL", []))
    return str(urls.get("Documentation", "")).rstrip("/")


def _registered(registry: Registry, name: str) -> Any:
    """A class by its name; None if a plug-in registered it that is not loaded now."""
    try:
        return registry.get(name)
    except L2HError:
        return None
