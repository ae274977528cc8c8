"""Look up the names in a config, with one-line errors that list the known names."""

from collections.abc import Iterable
from typing import Any

from l2h.config.messages import ConfigError, UnknownNameError
from l2h.errors import L2HError, hint
from l2h.registry import Registry


def registered(place: str, registry: Registry, name: str, cure: str = "") -> Any:
    """The class registered under a name.

    Raises
    ------
    UnknownNameError
        the name is unknown, but a plug-in could register it
    ConfigError
        the member of a family, such as timm:<name>, does not exist or lacks its package
    """
    try:
        return registry.get(name)
    except L2HError as error:
        message = f"config key {place}: {error}{cure}"
        if ":" in name or name in registry.names():  # plug-ins cannot register members of families
            raise ConfigError(message) from error
        raise UnknownNameError(message, place, name, registry.names()) from error


def require_member(place: str, value: str, what: str, allowed: Iterable[str]) -> None:
    """Raise ConfigError unless the value is allowed."""
    names = list(allowed)
    if value not in names:
        choice = f"choose one of {', '.join(names)}"
        raise ConfigError(f"config key {place}: {value!r} is not {what}{hint(value, names)}; {choice}")


def require_literal(place: str, path: str) -> None:
    """Raise ConfigError for a path with braces, which Snakemake would read as wildcards."""
    if "{" in path or "}" in path:
        raise ConfigError(f"config key {place}: {path!r} has braces, which Snakemake reads as wildcards; rename it")
