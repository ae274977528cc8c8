"""Load the user's Python files that register methods, datasets, backbones, metrics or charts."""

import sys
from collections.abc import Iterable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import walk_tb

from l2h import extras
from l2h.errors import L2HError

PREFIX = "l2h_plugin_"  # of the modules' names
# Paths that a registry loads when it is asked for an unknown name: most jobs use no plug-in, and importing one can take
# a second.
WAITING: list[str] = []


def module_of(path: str) -> str:
    """The module name for a file."""
    return f"{PREFIX}{Path(path).stem}"


def load(paths: Iterable[str]) -> None:
    """Run each file once, as the module `l2h_plugin_<stem>`.

    Raises
    ------
    L2HError
        a file is missing, is not a Python file, fails to load, or registers nothing
    """
    for path in map(Path, paths):
        name = module_of(str(path))
        if name in sys.modules:
            if Path(str(sys.modules[name].__file__)) != path.resolve():
                raise L2HError(f"plug-ins {sys.modules[name].__file__} and {path} share a file name; rename one")
            continue
        require_file(path)
        spec = spec_from_file_location(name, path.resolve())
        assert spec is not None  # the suffix is .py
        assert spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[name] = module
        try:
            before = _registered()
            spec.loader.exec_module(module)
            if _registered() == before:
                cure = "put @hashing.register(name), or that of datasets, backbones, metrics or charts, above it"
                raise L2HError(f"it registers nothing; {cure}")
        except L2HError as error:
            del sys.modules[name]
            raise L2HError(f"plug-in {path}: {error}") from error
        except Exception as error:
            del sys.modules[name]
            place = place_of(error)
            missing = extras.named(error)
            said = f"{type(error).__name__}: {error}" if missing is error else str(missing)
            fault = said + (f" ({place})" if place else "")
            raise L2HError(f"plug-in {path} cannot be loaded: {fault}") from error


def require_file(path: Path) -> None:
    """Raise L2HError unless the path is a Python file; does not execute it."""
    if path.suffix != ".py" or not path.is_file():
        raise L2HError(f"plug-in {path} is not a Python file; paths are relative to the working directory")


def place_of(error: BaseException | None) -> str:
    """The last line of a plug-in in the traceback of an error or its cause, such as "mine.py, line 12", or ""."""
    while error is not None:
        frames = walk_tb(error.__traceback__)
        lines = [(frame, line) for frame, line in frames if str(frame.f_globals.get("__name__")).startswith(PREFIX)]
        if lines:
            frame, line = lines[-1]
            path = Path(frame.f_code.co_filename)
            shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
            return f"{shown}, line {line}"
        error = error.__cause__ or error.__context__
    return ""


def _registered() -> int:
    """Number of classes registered so far; does not import the registries, which most jobs do not need."""
    module = sys.modules.get("l2h.registry")
    return module.Registry.registered if module else 0
