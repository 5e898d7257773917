"""What the sandbox accepts and answers agrees with Stripe's own description, where that is at hand."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from billing_sandbox.engine import params
from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.operations import Operation
from billing_sandbox.engine.routes import OPERATIONS
from tests.contract.stripe_description import description, resolved, strict
from tests.unit.sandbox.lives import whole_story
from tests.unit.sandbox.play import Play

UNDOCUMENTED = {"subscription": {"plan", "quantity"}, "event": set[str]()}
"""Fields that Stripe sends without describing them."""


@cache
def story() -> tuple[list[Obj], list[Obj]]:
    """The objects of a broad story, and its events."""
    play = Play()
    return whole_story(play), play.events()


def test_every_object_that_is_answered_conforms() -> None:
    faults = [fault for obj in story()[0] for fault in _faults(obj)]
    assert sorted(set(faults)) == []


def test_every_event_and_the_object_in_it_conforms() -> None:
    faults = [fault for event in story()[1] for fault in (*_faults(event), *_faults(event["data"]["object"]))]
    assert sorted(set(faults)) == []


def test_every_event_type_is_one_that_stripe_has() -> None:
    spec = description()
    known = set(spec["x-event-types"]) if spec else {event["type"] for event in story()[1]}
    assert {event["type"] for event in story()[1]} <= known


def test_the_story_is_broad_enough_to_prove_something() -> None:
    """The kinds of objects and events that the service handles all occur."""
    kinds = {obj["object"] for obj in story()[0]}
    assert {"customer", "checkout.session", "subscription", "invoice", "invoice_payment", "payment_intent"} <= kinds
    assert {"charge", "refund", "dispute", "setup_intent", "payment_method", "subscription_schedule"} <= kinds | {
        event["data"]["object"]["object"] for event in story()[1]
    }


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda op: f"{op.method} {op.path}")
def test_an_operation_takes_only_parameters_that_stripe_takes(operation: Operation) -> None:
    spec = description()
    assert list(_surplus(spec, operation) if spec else ()) == []


def _faults(obj: Obj) -> Iterator[str]:
    spec = description()
    if spec is None or obj.get("deleted"):
        return
    kind = obj["object"]
    for error in _validator(kind).iter_errors(obj):
        if kind == "invoice" and error.message.startswith("'id' is a required"):
            continue  # `invoice.upcoming` tells of an invoice that does not exist yet
        where = ".".join("*" if isinstance(step, int) else str(step) for step in error.absolute_path)
        yield f"{kind}.{where}: {error.message[:300]}"
    yield from _unknown(spec, kind, spec["components"]["schemas"][kind], obj, kind)


@cache
def _validator(kind: str) -> Draft202012Validator:
    spec = description()
    components = _strict_components() if spec else {}
    return Draft202012Validator({"$ref": f"#/components/schemas/{kind}", "components": components})


@cache
def _strict_components() -> Any:  # noqa: ANN401 - a JSON document
    spec = description()
    return strict(spec["components"]) if spec else {}


def _unknown(spec: dict[str, Any], kind: str, schema: dict[str, Any], obj: Obj, where: str) -> Iterator[str]:
    schema = resolved(spec, schema)
    known = schema.get("properties")
    if known is None:
        return
    for name, value in obj.items():
        if name not in known:
            if name not in UNDOCUMENTED.get(kind, ()):
                yield f"{where}.{name}: Stripe has no such field"
            continue
        for part in _hashes(value):
            inner = _matching(spec, known[name], part)
            if inner is not None:
                yield from _unknown(spec, str(part.get("object", "")), inner, part, f"{where}.{name}")


def _hashes(value: object) -> list[Obj]:
    if isinstance(value, list):
        return [entry for entry in value if isinstance(entry, dict)]
    return [value] if isinstance(value, dict) else []


def _matching(spec: dict[str, Any], schema: dict[str, Any], value: Obj) -> dict[str, Any] | None:
    schema = resolved(spec, schema)
    if schema.get("type") == "array":
        return _matching(spec, schema["items"], value)
    for option in _options(spec, schema):
        enum = option.get("properties", {}).get("object", {}).get("enum")
        if "properties" in option and (enum is None or value.get("object") in enum):
            return option
    return schema


def _surplus(spec: dict[str, Any], operation: Operation) -> Iterator[str]:
    by_shape = {_shape(path): verbs for path, verbs in spec["paths"].items()}
    described = by_shape.get(_shape(operation.path), {}).get(operation.method.lower())
    if described is None:
        yield "Stripe has no such operation"
        return
    if operation.method == "POST":
        schema = resolved(spec, described["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"])
    else:
        taken = {p["name"]: p["schema"] for p in described.get("parameters", ()) if p["in"] == "query"}
        schema = {"properties": taken}
    missing = set(schema.get("required", ())) - set(operation.required)
    yield from (f"{name} is required" for name in missing)
    yield from _surplus_fields(spec, dict(operation.accepts), schema, "")


def _surplus_fields(spec: dict[str, Any], fields: dict[str, Any], schema: dict[str, Any], where: str) -> Iterator[str]:
    known = schema.get("properties", {})
    for name, kind in fields.items():
        if name not in known:
            yield f"{where}{name}: Stripe has no such parameter"
        else:
            yield from _surplus_kind(spec, kind, known[name], f"{where}{name}")


def _surplus_kind(spec: dict[str, Any], kind: object, schema: dict[str, Any], where: str) -> Iterator[str]:
    schema = resolved(spec, schema)
    if isinstance(kind, params.Clear):
        yield from _surplus_kind(spec, kind.kind, schema, where)
        return
    if isinstance(kind, params.Hash):
        option = next((o for o in _options(spec, schema) if "properties" in o), None)
        if option is None:
            yield f"{where}: Stripe takes no hash here"
        else:
            lacking = set(option.get("required", ())) - set(kind.required)
            yield from (f"{where}.{name} is required" for name in lacking & kind.fields.keys())
            yield from _surplus_fields(spec, dict(kind.fields), option, f"{where}.")
    elif isinstance(kind, params.ListOf):
        option = next((o for o in _options(spec, schema) if o.get("type") == "array"), None)
        if option is None:
            yield f"{where}: Stripe takes no list here"
        else:
            yield from _surplus_kind(spec, kind.each, option["items"], where)
    elif isinstance(kind, params.OneOf):
        allowed = {word for option in _options(spec, schema) for word in option.get("enum", ())}
        yield from (f"{where}: Stripe does not take {word!r}" for word in set(kind.words) - allowed)


def _options(spec: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    schema = resolved(spec, schema)
    return [resolved(spec, option) for option in schema.get("anyOf", (schema,))]


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)
