"""l2h: a benchmark of learning-to-hash, from images to short binary codes to one comparison.

The library is the function `evaluate`, and the modules `codes`, `hashing`, `metrics`, `ranking` and `splits`; each is
imported when it is first used.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["codes", "evaluate", "hashing", "metrics", "ranking", "splits"]


def __getattr__(name: str) -> Any:
    if name == "evaluate":
        return import_module(f"{__name__}.evaluation.arrays").evaluate
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
