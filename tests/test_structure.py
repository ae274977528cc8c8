"""Imports inside the package: no circles, and no import of a layer above. Those inside functions count too."""

from collections.abc import Mapping, Set
from graphlib import CycleError, TopologicalSorter

import grimp

GRAPH = grimp.build_graph("l2h", cache_dir=None, exclude_type_checking_imports=True)
IMPORTS = {module: GRAPH.find_modules_directly_imported_by(module) for module in GRAPH.modules}

# From low to high: a module imports its own layer and those before it. A new module of the root needs a place here.
LAYERS = [
    {"", "errors", "extras", "paths", "plugins", "registry"},  # "" is l2h itself
    {"device", "exact_search", "ids", "notes", "progress"},
    {"codes", "splits"},
    {"ranking"},
    {"store"},  # after codes, splits and rankings, which it reads and writes
    {"job"},  # tells the store which job it writes for
    {"metrics"},
    {"datasets"},
    {"backbones"},
    {"hashing"},
    {"evaluation"},
    {"charts"},
    {"bundles"},
    {"config"},
    {"plan"},
    {"runs"},
    {"report"},
    {"cli", "debug", "__main__"},
]
HEIGHT = {name: height for height, layer in enumerate(LAYERS) for name in layer}


def circle(imports: Mapping[str, Set[str]]) -> list[str]:
    """The modules of one circle, the first repeated at its end; empty if there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def upward(imports: Mapping[str, Set[str]]) -> list[str]:
    """Imports of a module in a higher layer."""
    return sorted(
        f"{importer} imports {imported}"
        for importer, others in imports.items()
        for imported in others
        if HEIGHT[root(imported)] > HEIGHT[root(importer)]
    )


def root(module: str) -> str:
    """The module or package of the root that a module belongs to."""
    return f"{module}.".split(".")[1]


def test_there_are_no_circular_imports():
    assert circle(IMPORTS) == []


def test_each_module_of_the_root_has_one_layer():
    placed = [name for layer in LAYERS for name in layer]
    assert sorted(placed) == sorted({root(module) for module in GRAPH.modules})


def test_no_module_imports_a_higher_layer():
    assert upward(IMPORTS) == []


def test_a_circle_and_an_upward_import_are_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    assert circle({"a": {"b"}, "b": {"c"}, "d": {"a"}}) == []
    planted = {"l2h.ranking.histogram": {"l2h.ranking.counting", "l2h.report.page"}, "l2h.cli": {"l2h.report"}}
    assert upward(planted) == ["l2h.ranking.histogram imports l2h.report.page"]
