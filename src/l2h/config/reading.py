"""A config as typed sections, and back."""

from typing import Any

from pydantic import ValidationError

from l2h.config.messages import ConfigError, config_error
from l2h.config.models import Backbone, Config, Dataset, Method, Section

Entry = dict[str, Any]

MAX_VALUES = 100_000  # of a config, counted as often as it names them: YAML's aliases multiply
ENTRIES: dict[str, type[Section]] = {"datasets": Dataset, "backbones": Backbone, "methods": Method}


def complete(config: Entry) -> Config:
    """The config with all defaults that depend on no other key; loads no plug-in and reads no file.

    Raises
    ------
    ConfigError
        a key, a type or a range is wrong
    """
    _require_small(config)
    try:
        return Config.model_validate(config)
    except ValidationError as error:
        raise config_error(error) from error


def declared(config: Entry) -> Entry:
    """What a config file may hold of a resolved config: without what was derived from it."""
    return {key: _declared(key, config[key]) for key in Config.model_fields}


def _declared(key: str, value: Any) -> Any:
    if key not in ENTRIES:
        return value
    return [{name: entry[name] for name in ENTRIES[key].model_fields} for entry in value]


def _require_small(config: Entry) -> None:
    left: list[Any] = [config]
    for _ in range(MAX_VALUES):
        if not left:
            return
        value = left.pop()
        if isinstance(value, dict | list):
            left.extend(value.values() if isinstance(value, dict) else value)
    raise ConfigError(f"config: it has more than {MAX_VALUES} values; write it without aliases (&name, *name)")
