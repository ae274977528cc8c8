"""The code that a job depends on, from the import graph, so that a change reruns only the jobs that use it.

A job depends on the modules that its script imports; on those of its cell's classes (dataset, backbone, method) and of
the metrics and charts that it computes or shows; on everything that these import, also inside functions; and on the
`__init__` of their packages.
A class that a registry looks up by name is not an import: naming a method does not add the other methods.
"""

import ast
import sys
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from l2h.plugins import PREFIX

if TYPE_CHECKING:
    import grimp

PACKAGE = "l2h"


def digests(script: str | Path, *used: Any) -> dict[str, str]:
    """Digests of the modules that a job depends on, except its script: the first 16 digits of each source's sha256.

    Parameters
    ----------
    script : a Python file, which need not be importable
    used : registered classes that the job uses, or names of modules that register some, including plug-ins

    Examples
    --------
    >>> from l2h import splits
    >>> from l2h.plan import code
    >>> list(code.digests(splits.__file__))
    ['l2h', 'l2h.errors', 'l2h.ids', 'l2h.notes']
    """
    modules = closure({*imports_of(script), *modules_of(*used)})
    return {name: digest(str(_source(name))) for name in sorted(modules)}


def modules_of(*used: Any) -> set[str]:
    """Names of the modules that define classes and their bases, in this package and in plug-ins; names are kept."""
    names = {one for one in used if isinstance(one, str)}
    bases = names | {base.__module__ for one in used if isinstance(one, type) for base in one.__mro__}
    return {name for name in bases if name.startswith(PREFIX) or _is_ours(name)}


def closure(modules: Iterable[str]) -> set[str]:
    """These modules, all modules of the package that they import directly or indirectly, and their packages."""
    found = set(modules)
    waiting = list(found)
    while waiting:
        name = waiting.pop()
        if name.startswith(PREFIX):
            direct = set(imports_of(_source(name)))
        else:
            direct = {*_graph().find_modules_directly_imported_by(name), name.rpartition(".")[0] or PACKAGE}
        waiting += direct - found
        found |= direct
    return found


@cache
def imports_of(path: str | Path) -> frozenset[str]:
    """The modules of the package that a Python file imports, anywhere in it."""
    known = _graph().modules
    found = set()
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else node.module for name in names}
    return frozenset(filter(_is_ours, found))


@cache
def digest(path: str) -> str:
    """The first digits of a file's sha256, computed once."""
    return sha256(Path(path).read_bytes()).hexdigest()[:16]


def data(package: str) -> dict[str, str]:
    """Digests of a package's non-Python files, such as templates, by name."""
    files = sorted(path for path in _source(package).parent.iterdir() if path.is_file() and path.suffix != ".py")
    return {path.name: digest(str(path)) for path in files}


@cache
def _graph() -> "grimp.ImportGraph":
    import grimp  # from the extra `pipeline`; not needed for the digest of one file

    return grimp.build_graph(PACKAGE, cache_dir=None, exclude_type_checking_imports=True)


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == PACKAGE


def _source(name: str) -> Path:
    """The file of a module; a plug-in is loaded already."""
    if name.startswith(PREFIX):
        return Path(str(sys.modules[name].__file__))
    spec = find_spec(name)
    assert spec is not None  # the graph has found it
    return Path(str(spec.origin))
