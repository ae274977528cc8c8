"""Names that resolve late: a job imports the one method, data set or backbone that it uses."""

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, ClassVar, TypeVar

from l2h import plugins
from l2h.errors import L2HError, hint

T = TypeVar("T")


class Registry:
    """Map names to classes, or to metrics or charts. Plug-ins register the class itself.

    Parameters
    ----------
    kind : what is registered, in words, for error messages
    builtin : name -> "module:Class", or what is registered itself; a name that ends in ":" is that of a family, whose
        class makes its members' classes, each from what follows the colon
    check : "module:function" that raises L2HError, given the name and the class, where a class cannot be registered

    Attributes
    ----------
    registered : how many were, in all registries
    """

    registered: ClassVar[int] = 0

    def __init__(self, kind: str, builtin: Mapping[str, Any], check: str = ""):
        self.kind = kind
        self._check = check
        self._targets: dict[str, Any] = dict(builtin)

    def __iter__(self) -> Iterator[str]:
        """Names in the order in which they were registered."""
        return iter(self._targets)

    def names(self) -> tuple[str, ...]:
        """All names, sorted; a family's as "family:<name>"."""
        return tuple(sorted(f"{name}<name>" if name.endswith(":") else name for name in self._targets))

    def modules(self) -> list[str]:
        """The modules that define all that is registered; imports none."""
        return sorted({_identity(target).partition(":")[0] for target in self._targets.values()})

    def register(self, name: str) -> Callable[[T], T]:
        """Class decorator that adds a class under `name`; raises L2HError if another class has it, or `check` does."""

        def add(cls: T) -> T:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
                raise L2HError(f"{name!r} cannot name a {self.kind}: letters, digits, '_' and '-', as in a file's name")
            known = self._targets.get(name)
            if known is not None and _identity(known) != _identity(cls):
                raise L2HError(f"the {self.kind} {name!r} exists already ({_identity(known)}); choose another name")
            if self._check:
                _named(self._check)(name, cls)
            self._targets[name] = cls
            Registry.registered += 1
            return cls

        return add

    def name_of(self, cls: type) -> str:
        """The name that a class is registered under."""
        for name, target in self._targets.items():
            if _identity(target) == _identity(cls):
                return name
        raise L2HError(f"{cls.__name__} is not registered as a {self.kind}; decorate it with `register(name)`")

    def get(self, name: str) -> Any:
        """The class called `name`; raises L2HError, listing the names there are."""
        family, colon, member = name.partition(":")
        if family + colon not in self._targets:
            plugins.load(plugins.WAITING)
        if family + colon not in self._targets:
            choice = f"choose one of {', '.join(self.names())}"
            raise L2HError(f"{name!r} is not a {self.kind}{hint(family + colon, self._targets)}; {choice}")
        cls = self.entry(family + colon)
        return cls.member(member) if colon else cls

    def entry(self, name: str) -> Any:
        """What is registered under a name; under one that ends in ":", the class of the family."""
        target = self._targets[name]
        return _named(target) if isinstance(target, str) else target


def _named(target: str) -> Any:
    """What a "module:attribute" string names, which is imported now."""
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def _identity(target: Any) -> str:
    """Where a class, or the function of a metric or chart, is defined."""
    if isinstance(target, str):
        return target
    source = getattr(target, "function", target)
    return f"{source.__module__}:{source.__qualname__}"
