"""Telling what fields mean: the schemas that msgspec makes of the shapes know names and types alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing_bootstrap.shapes import PaymentContextShape
from billing_http.field_texts import EVERYWHERE, FIELDS
from billing_http.problems import ProblemShape
from billing_http.value_texts import SETS, VALUES

__all__ = ["told", "without_null"]

Json = dict[str, Any]

_PARTIAL = frozenset({ProblemShape.__name__, PaymentContextShape.__name__})


def told(name: str, schema: Json) -> Json:
    """The ``schema`` of that name, each of its fields with a sentence and, where they are a closed set, its values.

    Raises `KeyError` for a field that nobody wrote a sentence for.
    """
    if name in SETS:
        return {**schema, "description": f"{schema['description']} {_meanings(SETS[name])}"}
    schema = _asked(schema) if schema.get("additionalProperties") is False else _answered(name, schema)
    properties = {field: _field(name, field, one) for field, one in schema.get("properties", {}).items()}
    return {**schema, "properties": properties}


def _asked(schema: Json) -> Json:
    """What clients send. Generated clients demand what has a default: what is left out is said in words instead."""
    properties = {
        field: {key: said for key, said in one.items() if key != "default"}
        for field, one in schema.get("properties", {}).items()
    }
    return {**schema, "properties": properties}


def _answered(name: str, schema: Json) -> Json:
    """What clients are sent: never fewer fields than there are, but where what does not apply is left out."""
    told_of = _asked(schema)
    if name not in _PARTIAL:
        return {**told_of, "required": list(told_of["properties"])}
    demanded = told_of["required"]
    properties = {
        field: one if field in demanded else without_null(one) for field, one in told_of["properties"].items()
    }
    return {**told_of, "properties": properties}


def without_null(schema: Json) -> Json:
    """The schema of what is left out where it does not apply, and never null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else schema


def _field(name: str, field: str, schema: Json) -> Json:
    said = FIELDS.get(name, {}).get(field) or EVERYWHERE[field]
    values = VALUES.get((name, field))
    if values is None:
        return {**schema, "description": said}
    return {**_one_of(schema, values), "description": f"{said} {_meanings(values)}".strip()}


def _meanings(values: Mapping[str, str]) -> str:
    return " ".join(f"`{value}`: {meaning}." for value, meaning in values.items() if meaning)


def _one_of(schema: Json, values: Mapping[str, str]) -> Json:
    """Only these, and null where that is possible, too."""
    if "anyOf" in schema:
        kinds = [{**kind, "enum": list(values)} if kind == {"type": "string"} else kind for kind in schema["anyOf"]]
        return {**schema, "anyOf": kinds}
    return {**schema, "enum": list(values)}
