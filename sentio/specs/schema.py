"""The JSON schema of a feature spec: the document's shape, and each op's keys from the engine's catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentio.extension import load_extension
from sentio.specs.document import SpecDocument

__all__ = ["json_schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema by which an editor completes and checks a spec.

    An op's keys are chosen by `if` and `then`, since an editor that is told `oneOf` reports every op that a
    feature is not.

    Raises:
        MissingExtension: the engine, which knows the ops, is not built.
    """
    schema = SpecDocument.model_json_schema()
    _drop_null(schema)
    definitions = schema["$defs"]
    entry = definitions["FeatureEntry"]
    common = dict(entry["properties"])
    catalog = load_extension().catalog()
    entry["properties"]["op"] = {**common["op"], "enum": [op["name"] for op in catalog]}
    entry.pop("additionalProperties")
    entry["allOf"] = [
        {
            "if": {"properties": {"op": {"const": op["name"]}}, "required": ["op"]},
            "then": {"$ref": f"#/$defs/{op['name']}"},
        }
        for op in catalog
    ]
    for op in catalog:
        definitions[op["name"]] = _op_schema(op, common)
    return {"$schema": _DIALECT, **schema, "title": "Sentio feature spec"}


def _op_schema(op: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, Any]:
    """What a feature of one op may hold."""
    keys: dict[str, Any] = {name: {} for name in common if name != "source" or op["sources"]}
    required = ["source"] if "" in op["sources"] else []
    for param in op["params"]:
        keys[param["name"]] = {
            "description": param["summary"],
            "type": param["type"],
            "minimum": param["min"],
            "maximum": param["max"],
        }
        if param["choices"]:
            allowed = [choice["value"] for choice in param["choices"] if not choice["refused"]]
            keys[param["name"]]["enum"] = allowed
        if param["default"] is None:
            required.append(param["name"])
        else:
            keys[param["name"]]["default"] = param["default"]
    schema = {"description": op["summary"], "properties": keys, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def _drop_null(schema: dict[str, Any]) -> None:
    """In the model None stands for "not given"; in a document only `pad_value` may be null."""
    for name, value in schema.get("properties", {}).items():
        value.pop("default", None)
        value.pop("title", None)
        if name != "pad_value" and "anyOf" in value:
            kinds = [kind for kind in value.pop("anyOf") if kind != {"type": "null"}]
            value |= kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    for definition in schema.get("$defs", {}).values():
        _drop_null(definition)
