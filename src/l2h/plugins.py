"""Load the user's own Python files, which register methods, data sets or backbones."""

import sys
from collections.abc import Iterable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from l2h.errors import L2HError

# Paths that a registry loads when it meets a name that it does not know: most jobs use no class of a plug-in, and the
# imports of one take a second.
WAITING: list[str] = []


def load(paths: Iterable[str]) -> None:
    """Run each file once, as the module `l2h_plugin_<stem>`.

    Raises
    ------
    L2HError
        a file is missing, is no Python file, fails while it is loaded, or registers nothing
    """
    for path in map(Path, paths):
        name = f"l2h_plugin_{path.stem}"
        if name in sys.modules:
            if Path(str(sys.modules[name].__file__)) != path.resolve():
                raise L2HError(f"plug-ins {sys.modules[name].__file__} and {path} share a file name; rename one")
            continue
        if path.suffix != ".py" or not path.is_file():
            raise L2HError(f"plug-in {path} is not a Python file; paths are relative to the working directory")
        spec = spec_from_file_location(name, path.resolve())
        assert spec is not None  # the suffix is .py
        assert spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[name] = module
        try:
            before = _registered()
            spec.loader.exec_module(module)
            if _registered() == before:
                cure = "put @hashing.register(name), or that of datasets or backbones, above its class"
                raise L2HError(f"it registers nothing; {cure}")
        except L2HError as error:
            del sys.modules[name]
            raise L2HError(f"plug-in {path}: {error}") from error
        except Exception as error:
            del sys.modules[name]
            raise L2HError(f"plug-in {path} cannot be loaded: {type(error).__name__}: {error}") from error


def _registered() -> int:
    """How many classes were registered so far; the registries are not imported, as most jobs do without them."""
    module = sys.modules.get("l2h.registry")
    return module.Registry.registered if module else 0
