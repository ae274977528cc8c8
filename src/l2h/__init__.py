"""l2h: a benchmark of learning-to-hash, from images to short binary codes to one comparison.

The library is `codes`, `hashing`, `metrics`, `ranking` and `splits`, each imported when it is first used.
"""

from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"
__all__ = ["codes", "hashing", "metrics", "ranking", "splits"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
