"""What is wrong with a config, as one line: the key, its value, and what is allowed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from l2h.config.schema import alternatives, schema
from l2h.errors import L2HError, hint

KINDS = {"array": "a list", "object": "a mapping", "string": "text", "integer": "an integer", "number": "a number"}
KINDS |= {"boolean": "true or false"}
LIMITS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}
UNKNOWN = ("extra_forbidden", "invalid_key")  # pydantic's names for an unknown key
SHOWN = 200  # maximum characters of a value in a message

Schema = Mapping[str, Any]


class ConfigError(L2HError):
    """A config key that is wrong; the line names the key, its value and what is allowed."""


class UnknownNameError(ConfigError):
    """A name that is not registered; a plug-in that is not loaded may register it.

    Attributes
    ----------
    key : where it is, such as methods[0].method
    name : what the config says there
    known : the names that are registered
    """

    def __init__(self, message: str, key: str, name: str, known: Iterable[str]):
        super().__init__(message)
        self.key, self.name, self.known = key, name, tuple(known)


def config_error(error: ValidationError) -> ConfigError:
    """The first error that pydantic found: outer keys before inner ones, and unknown keys before missing ones.

    A mistyped key is both, so it is named as the config spells it.
    """
    faults: list[Any] = list(error.errors(include_url=False))
    first = min(faults, key=lambda fault: (len(_path(fault)), str(_path(fault)), fault["type"] not in UNKNOWN))
    keys, part = _located(_path(first))
    place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
    unknown = [fault["loc"][-1] for fault in faults if fault["type"] in UNKNOWN and _path(fault) == _path(first)]
    where = f"config key {place}: " if place else "config: "
    return ConfigError(where + (_unknown(unknown, part) if unknown else _sentence(first, part)))


def _path(fault: Mapping[str, Any]) -> tuple[int | str, ...]:
    """The place of the invalid value; for an invalid key, the place of its mapping."""
    loc: tuple[int | str, ...] = fault["loc"]
    if loc[-1:] == ("[key]",):
        return loc[:-2]
    return loc[:-1] if fault["type"] in (*UNKNOWN, "missing") else loc


def _located(path: Sequence[int | str]) -> tuple[list[int | str], Schema]:
    """The keys of a path, and the schema of what is there; pydantic's paths also hold names of union members."""
    keys: list[int | str] = []
    part: Schema = schema()
    for step in path:
        for one in alternatives(part):
            inner = one.get("items") if isinstance(step, int) else one.get("properties", {}).get(step)
            if inner is not None:
                keys.append(step)
                part = inner
                break
    return keys, part


def _unknown(keys: list[Any], part: Schema) -> str:
    allowed = next(one["properties"] for one in alternatives(part) if "properties" in one)
    named = ", ".join(f"{_shown(key)}{hint(key, allowed)}" for key in keys)
    return f"unknown key {named}; allowed are {', '.join(allowed)}"


def _sentence(fault: Mapping[str, Any], part: Schema) -> str:
    kind, value = fault["type"], _shown(fault["input"])
    allowed = list(alternatives(part))
    limits = " and ".join(f"{words} {one[limit]}" for one in allowed for limit, words in LIMITS.items() if limit in one)
    if kind == "missing":
        return f"the key {fault['loc'][-1]!r} is missing"
    if fault["loc"][-1:] == ("[key]",):
        return f"{value} is not a parameter name"
    if kind == "too_short":
        return "the list is empty; name at least one"
    if kind == "string_too_short":
        return "the text is empty"
    if kind == "literal_error":
        return f"{value} is not one of {', '.join(allowed[0]['enum'])}"
    if kind in ("greater_than", "greater_than_equal", "less_than_equal"):
        return f"{value} is out of range; allowed is {limits}"
    if kind == "string_pattern_mismatch":
        return f"{value} may hold only letters, digits, '_', '.' and '-', and starts with a letter or digit"
    if kind.endswith("_type"):
        kinds = [one["type"] for one in allowed]
        words = " or ".join(KINDS[name] for name in kinds) + (f", {limits}" if limits else "")
        single = "array" in kinds and isinstance(fault["input"], str | int | float)
        return f"{value} is not {words}" + (f"; write [{fault['input']}]" if single else "")
    return str(fault["msg"])


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
