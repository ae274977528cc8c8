"""Convert a config to typed sections, and back."""

from typing import Any

from pydantic import ValidationError

from l2h.config.messages import ConfigError, config_error
from l2h.config.models import Backbone, Config, Dataset, Method, Section

Entry = dict[str, Any]

MAX_VALUES = 100_000  # of a config; each use of a YAML alias counts
ENTRIES: dict[str, type[Section]] = {"datasets": Dataset, "backbones": Backbone, "methods": Method}


def complete(config: Entry) -> Config:
    """The config with all defaults that do not depend on other keys; loads no plug-in and reads no file.

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
    """A resolved config without the derived values, as a config file may hold it."""
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
    raise ConfigError(f"config: more than {MAX_VALUES} values; write it without aliases (&name, *name)")
