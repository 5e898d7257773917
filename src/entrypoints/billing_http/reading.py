"""Reading a request: strictly, with every misfit named by its field."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException

from billing_http.problems import Code, Problem, RequestRefused, invalid

__all__ = [
    "CHECK_BODY_BYTES",
    "MAX_BODY_BYTES",
    "AnyRequest",
    "cut_short",
    "origin_of",
    "read_body",
    "read_query",
    "require_return_url",
    "utc",
    "whole_body",
]

T = TypeVar("T", bound=msgspec.Struct)
#: Litestar's request, of which nothing is asked that its type arguments describe.
AnyRequest = Request[Any, Any, Any]

#: The most that is read of any body but a webhook's and a check's.
MAX_BODY_BYTES = 256 * 1024
#: The most that is read of a check: 500 resources with ids of 255 characters. One may take twelve bytes in JSON, as
#: `\ud83d\ude00` does, and what stands around an id 128, with all its white space.
CHECK_BODY_BYTES = 500 * (255 * 12 + 128)
_NO_URL = frozenset(' \\"<>^`|')
_DEFAULT_PORTS = {"http": 80, "https": 443}
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]")
_AT = re.compile(r"(?P<message>.*?) - at `(?:key in )?\$\.?(?P<field>[^`]*)`", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`", re.DOTALL)
#: Up to here a float says exactly which integer it is.
_EXACT_MAX = 2**53
#: How the types that msgspec names are called in JSON.
_IN_JSON = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_TYPES = re.compile(r"`((?:{0})(?: \| (?:{0}))*)`".format("|".join(_IN_JSON)))
_MISSING = re.compile(r"Object missing required field `(?P<field>.*)`", re.DOTALL)


async def whole_body(request: AnyRequest) -> bytes:
    """All bytes of the body. Raises `RequestRefused` where the client went away before: it will not read why."""
    try:
        return await request.body()
    except InternalServerException:
        raise cut_short() from None


def cut_short() -> RequestRefused:
    """The body ended before its end."""
    return invalid("", "The body did not arrive whole.")


async def read_body(request: AnyRequest, shape: type[T]) -> T:
    """The body, in JSON, as ``shape``; no body counts as an empty object. Raises `RequestRefused`."""
    body = await whole_body(request)
    if body and not _is_json(request.headers.get("content-type", "")):
        raise RequestRefused(
            Problem(code=Code.UNSUPPORTED_MEDIA_TYPE, detail="The body must be JSON in UTF-8: application/json.")
        )
    if body and request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RequestRefused(
            Problem(code=Code.UNSUPPORTED_MEDIA_TYPE, detail="The body must not be compressed: no Content-Encoding.")
        )
    try:
        given = _decoded(body or b"{}", shape)
        json.loads(body or b"{}", object_pairs_hook=_once_each)
    except msgspec.ValidationError as error:
        raise _misfit(str(error)) from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise invalid("", "The body is not JSON in UTF-8.") from None
    return given


def _decoded(body: bytes, shape: type[T]) -> T:
    """The body as ``shape``. In JSON 2.0 is an integer like 2 (JSON Schema, 6.1.1); 2.5 is none, and never money."""
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError:
        return msgspec.convert(json.loads(body, parse_float=_whole_if_it_is), shape)


def _whole_if_it_is(number: str) -> float:
    value = float(number)
    return int(value) if value.is_integer() and abs(value) <= _EXACT_MAX else value


def _once_each(pairs: list[tuple[str, object]]) -> None:
    """Refuse a field that is given twice: two readers of one body might each believe another one of them."""
    if len(dict(pairs)) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise invalid(twice, "The field is given twice.")


def _is_json(content_type: str) -> bool:
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [part.partition("=")[2].strip('"') for part in parameters if part.startswith("charset=")]
    return media_type == "application/json" and set(charsets) <= {"utf-8", "utf8"}


def read_query(request: AnyRequest, shape: type[T]) -> T:
    """The query parameters as ``shape``: none twice, none unknown. Raises `RequestRefused`."""
    given: dict[str, str] = {}
    try:
        pairs = parse_qsl(request.scope["query_string"].decode("ascii"), keep_blank_values=True, errors="strict")
    except (ValueError, UnicodeDecodeError):
        raise invalid("", "The query is not text in UTF-8.") from None
    for name, value in pairs:
        if name in given:
            raise invalid(name, "The parameter is given twice.")
        given[name] = value
    try:
        query = msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as error:
        raise _misfit(str(error)) from None
    for name, text in given.items():
        value = getattr(query, name)
        # The word null is no value, a number of seconds no time, and 1e1 no whole number: a parameter is read as its
        # schema says, by everybody alike.
        is_odd = (isinstance(value, datetime) and not _RFC3339.match(text)) or (
            isinstance(value, int) and not isinstance(value, bool) and not text.isdigit()
        )
        if value is None or is_odd:
            raise invalid(name, "The parameter has no such value.")
    return query


def _misfit(text: str) -> RequestRefused:
    """What msgspec says, with the field told apart."""
    found = _AT.fullmatch(text)
    message, place = (found["message"], found["field"]) if found else (text, "")
    for pattern, meant in ((_UNKNOWN, "This field is unknown."), (_MISSING, "This field is missing.")):
        named = pattern.fullmatch(message)
        if named:
            return invalid(f"{place}.{named['field']}".lstrip("."), meant)
    return invalid(place, f"{_TYPES.sub(_in_json, message)}.")


def _in_json(named: re.Match[str]) -> str:
    return " or ".join(_IN_JSON[kind] for kind in named[1].split(" | "))


def utc(field: str, moment: datetime | None) -> datetime | None:
    """``moment``, which has a zone, in UTC. Raises `RequestRefused` for one at the very ends of time."""
    try:
        return moment.astimezone(UTC) if moment else None
    except OverflowError:
        raise invalid(field, "This time is too far away.") from None


def require_return_url(field: str, url: str, origins: frozenset[str]) -> str:
    """``url``, where it leads to one of the configured origins. Raises `RequestRefused`.

    Nothing is guessed: what one parser and a browser might read differently (white space, backslashes,
    control characters, a user name) is refused, and what no URL holds as it is, but braces: Stripe takes its own.
    """
    wrong = invalid(field, "The URL does not lead to one of the origins in CHECKOUT_RETURN_ORIGINS.")
    if not url.isascii() or not url.isprintable() or not _NO_URL.isdisjoint(url):
        raise wrong
    try:
        parts = urlsplit(url)
        if "@" in parts.netloc or origin_of(url) not in origins:
            raise wrong
    except ValueError:
        raise wrong from None
    return url


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, without a port that goes without saying. Raises `ValueError`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = "" if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{shown}{port}"
