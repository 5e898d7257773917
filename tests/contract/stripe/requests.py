"""Every request that is sent to Stripe, recorded, and checked against Stripe's own description."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from attrs import field, frozen

from billing_stripe.transport import Transport
from tests.contract.stripe_description import description, resolved

Form = dict[str, Any]


@frozen
class Request:
    """One request, as it went out."""

    method: str
    path: str
    params: Form
    headers: Mapping[str, str] = field(repr=False)


def nested(encoded: str) -> Form:
    """Form parameters such as ``items[0][id]=si_1`` as the hashes and lists that they stand for."""
    form: Form = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        first, *rest = re.findall(r"[^\[\]]+", name)
        steps = [first, *rest]
        holder = form
        for step in steps[:-1]:
            holder = holder.setdefault(step, {})
        holder[steps[-1]] = value
    return form


class Recorder(Transport):
    """The transport, with a memory."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []

    async def request_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: str | None = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        parts = urlsplit(url)
        self.requests.append(Request(method, parts.path, nested(post_data or parts.query), headers))
        return await super().request_async(method, url, headers, post_data)


def faults_of(request: Request) -> list[str]:
    """What Stripe's description has against a request; nothing where the description is not at hand."""
    spec = description()
    if spec is None:
        return []
    path = next((path for path in spec["paths"] if _fits(path, request.path)), None)
    operation = spec["paths"].get(path, {}).get(request.method)
    where = f"{request.method} {request.path}"
    if operation is None:
        return [f"{where}: no such operation"]
    return [f"{where}: {fault}" for fault in _against(spec, _schema(operation), request.params, "")]


def _fits(pattern: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{[^}]+\}", r"[^/]+", pattern), path) is not None


def _schema(operation: dict[str, Any]) -> dict[str, Any]:
    if "requestBody" in operation:
        schema: dict[str, Any] = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
        return schema
    parameters = [one for one in operation.get("parameters", []) if one["in"] == "query"]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {one["name"]: one["schema"] for one in parameters},
        "required": [one["name"] for one in parameters if one.get("required")],
    }


def _against(spec: dict[str, Any], schema: dict[str, Any], value: Any, at: str) -> list[str]:  # noqa: ANN401
    schema = resolved(spec, schema)
    if "anyOf" in schema:
        readings = [_against(spec, one, value, at) for one in schema["anyOf"]]
        return min(readings, key=len)
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{at} is {value!r}, which is not one of {schema['enum']}"]
    match schema.get("type"):
        case "object":
            return _against_object(spec, schema, value, at)
        case "array":
            if not isinstance(value, dict) or not all(name.isdigit() for name in value):
                return [f"{at} should be a list, not {value!r}"]
            return [
                fault for name, one in value.items() for fault in _against(spec, schema["items"], one, f"{at}[{name}]")
            ]
        case kind:
            pattern = {"integer": r"-?\d+", "number": r"-?\d+(\.\d+)?", "boolean": "true|false", "string": r"(?s).*"}
            fits = isinstance(value, str) and re.fullmatch(pattern[str(kind)], value)
            return [] if fits else [f"{at} should be of type {kind}, not {value!r}"]


def _against_object(spec: dict[str, Any], schema: dict[str, Any], value: Any, at: str) -> list[str]:  # noqa: ANN401
    if not isinstance(value, dict):
        return [f"{at} should be a hash, not {value!r}"]
    known, more = schema.get("properties", {}), schema.get("additionalProperties", False)
    faults = [f"{at}[{name}] is missing" for name in schema.get("required", []) if name not in value]
    for name, one in value.items():
        if name in known:
            faults += _against(spec, known[name], one, f"{at}[{name}]")
        elif isinstance(more, dict):
            faults += _against(spec, more, one, f"{at}[{name}]")
        elif not more:
            faults.append(f"{at}[{name}] is unknown")
    return faults
