"""Scrubbing: the last line against a secret in a log. What is written by us holds none; what libraries say may."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

__all__ = ["scrub", "scrub_trouble", "scrubbed"]

_HIDDEN = "[hidden]"
#: Each with what stays visible of it, so that whoever reads knows what was there.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), shown)
    for pattern, shown in (
        (r"\b((?:sk|rk)_(?:test|live)_)\w+", rf"\1{_HIDDEN}"),  # Stripe's keys
        (r"\b(whsec_)[\w+/=]+", rf"\1{_HIDDEN}"),  # signing secrets
        (r"(_secret_)\w+", rf"\1{_HIDDEN}"),  # client secrets
        (r"\beyJ[\w-]+\.[\w-]*\.[\w-]*", _HIDDEN),  # tokens
        (r"(://[^/\s:@]*:)[^/\s@]+(?=@)", rf"\1{_HIDDEN}"),  # passwords in URLs
        (r"\b(password=)(?:'[^']*'|\S+)", rf"\1{_HIDDEN}"),  # and in libpq's pairs
        (r"(?<![\d.-])(?:\d{13,19}|\d{4}(?:[ -]\d{4}){3})(?![\d.]?\d)", _HIDDEN),  # numbers as long as a card's
        (r"[\w.+-]+@[\w-]+\.[\w.-]+", _HIDDEN),  # addresses
    )
)


def scrubbed(text: str) -> str:
    """``text`` without what looks like a secret, a card or an address."""
    for pattern, shown in _PATTERNS:
        text = pattern.sub(shown, text)
    return text


def scrub(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor of structlog's: every text of a line, but who asked, which request it was and when."""
    for name, value in event.items():
        if isinstance(value, str) and name not in {"user_id", "request_id", "trace_id", "timestamp", "level"}:
            event[name] = scrubbed(value)
    return event


def scrub_trouble(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The same for our own lines, of which only those about trouble repeat what others said: each request has one."""
    return event if method in {"info", "debug"} else scrub(logger, method, event)
