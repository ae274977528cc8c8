"""Check a plug-in's method when it is registered."""

from inspect import signature
from typing import Any

from l2h.errors import L2HError, line
from l2h.hashing.base import FittedMethod


def require_method(name: str, cls: type) -> None:
    """Raise L2HError, with the cure, unless a class is a valid method; creates an instance, but does not use it."""
    what, cure = f"{name}: the class {cls.__name__}", "see docs/how-to/adding-a-shallow-method.md"
    if not issubclass(cls, FittedMethod):
        bases = "LinearHasher or Hasher of l2h.hashing.base, or Scorer of l2h.hashing.scorer"
        raise L2HError(f"{what} must be a subclass of {bases}")
    # scikit-learn's base class has no metaclass that checks abstract methods
    missing = [part for part in dir(cls) if getattr(getattr(cls, part, None), "__isabstractmethod__", False)]
    missing += [] if hasattr(cls, "learned") else ["learned"]
    if missing:
        raise L2HError(f"{what} lacks {', '.join(missing)}, which its base class requires; {cure}")
    try:
        signature(cls.fit).bind("self", "X", "y")
    except TypeError:
        raise L2HError(f"{what} must have `fit(self, X, y=None)`, but has `fit{signature(cls.fit)}`") from None
    known = signature(cls).parameters
    if not known.keys() >= {"bits", "random_state"}:
        raise L2HError(
            f"{name}: its __init__ must take `bits` and `random_state`, but takes {', '.join(known) or 'none'}"
        )
    given: dict[str, Any] = {parameter: object() for parameter in known}
    try:
        kept = vars(cls(**given))
    except Exception as error:
        raise L2HError(f"{what} must only store its parameters, unchanged, in __init__: {line(error)}") from error
    for parameter, value in given.items():
        if kept.get(parameter) is not value:
            raise L2HError(f"{what} must store its parameter unchanged: `self.{parameter} = {parameter}` in __init__")
