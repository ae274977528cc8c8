"""A config's JSON schema, for editors, error messages and the reference page."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from l2h.config.models import Config


class _Untitled(GenerateJsonSchema):
    """Drop the titles, which repeat the keys."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12), with each section inlined where it is used."""
    whole = Config.model_json_schema(schema_generator=_Untitled)
    return {"$schema": _Untitled.schema_dialect, **_inlined(whole, whole.pop("$defs"))}


def _inlined(part: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(part, list):
        return [_inlined(item, definitions) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        part = {**definitions[part["$ref"].removeprefix("#/$defs/")], **part}
    return {key: _inlined(value, definitions) for key, value in part.items() if key not in ("$ref", "title")}


def alternatives(part: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schemas that a value may match, one per type, without null, which stands for the default."""
    inner = [*part.get("anyOf", ()), *part.get("oneOf", ())]
    for one in inner:
        yield from alternatives(one)
    if not inner and part.get("type", "null") != "null":
        yield part
