"""Registries that import lazily: a job imports only the method, dataset or backbone that it uses."""

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
    kind : noun for what is registered, for error messages
    builtin : name -> "module:Class", or the object itself; a name that ends in ":" names a family, whose class creates
        the classes of its members from the text after the colon
    check : "module:function" that takes a name and a class, and raises L2HError if the class cannot be registered

    Attributes
    ----------
    registered : number of registrations in all registries
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
        """All names, sorted; families as "family:<name>"."""
        return tuple(sorted(f"{name}<name>" if name.endswith(":") else name for name in self._targets))

    def modules(self) -> list[str]:
        """The modules that define the registered objects; imports none."""
        return sorted({_identity(target).partition(":")[0] for target in self._targets.values()})

    def register(self, name: str) -> Callable[[T], T]:
        """Class decorator that registers a class as `name`; raises L2HError if the name is taken or `check` fails."""

        def add(cls: T) -> T:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
                raise L2HError(f"{name!r} is not a valid name for a {self.kind}: use only letters, digits, '_' and '-'")
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
        """The name under which a class is registered."""
        for name, target in self._targets.items():
            if _identity(target) == _identity(cls):
                return name
        raise L2HError(f"{cls.__name__} is not registered as a {self.kind}; decorate it with `register(name)`")

    def get(self, name: str) -> Any:
        """The class registered as `name`; raises L2HError with the known names if there is none."""
        family, colon, member = name.partition(":")
        if family + colon not in self._targets:
            plugins.load(plugins.WAITING)
        if family + colon not in self._targets:
            choice = f"choose one of {', '.join(self.names())}"
            raise L2HError(f"{name!r} is not a {self.kind}{hint(family + colon, self._targets)}; {choice}")
        cls = self.entry(family + colon)
        return cls.member(member) if colon else cls

    def entry(self, name: str) -> Any:
        """The object registered under a name; for a name that ends in ":", the class of the family."""
        target = self._targets[name]
        return _named(target) if isinstance(target, str) else target


def _named(target: str) -> Any:
    """Import the object that a "module:attribute" string names."""
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def _identity(target: Any) -> str:
    """The place where a class, or the function of a metric or chart, is defined."""
    if isinstance(target, str):
        return target
    source = getattr(target, "function", target)
    return f"{source.__module__}:{source.__qualname__}"
