"""Stripe's description of its API, where it is at hand: in STRIPE_SPEC_DIR, or in a sibling folder of the project."""

import gzip
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

_FILE = "stripe-api-2026-10-28.endive.openapi.json.gz"


@cache
def description() -> dict[str, Any] | None:
    """The description, or None where it is not at hand."""
    named = os.environ.get("STRIPE_SPEC_DIR")
    folder = Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "stripe"
    path = folder / _FILE
    if not path.exists():
        return None
    with gzip.open(path, "rt", encoding="utf-8") as file:
        loaded: dict[str, Any] = json.load(file)
    return loaded


def resolved(spec: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema behind a reference."""
    while "$ref" in schema or "allOf" in schema:
        if "allOf" in schema:
            schema = schema["allOf"][0]
        else:
            schema = spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def strict(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """A part of an OpenAPI schema in JSON Schema's words: `nullable` said as a type, open enums left open."""
    if isinstance(schema, list):
        return [strict(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: strict(value) for key, value in schema.items() if key not in {"nullable", "description"}}
    if schema.get("x-open-enum"):
        plain.pop("enum", None)
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") else plain
