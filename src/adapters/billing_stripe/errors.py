"""How Stripe's errors become ours: by class, code and status, in one table, never by the text of a message.

The question that matters is what became of the request. *Refused*: Stripe said no, nothing was changed.
*Unavailable*: it surely never got to work. *Unknown*: it may have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import TypeVar

import aiohttp
import stripe

from billing_core.domain.errors import OutcomeUnknown, ProviderError, ProviderRefused, ProviderUnavailable
from billing_stripe.facts import Unreadable
from billing_stripe.permissions import Permission

__all__ = ["GONE", "answers_of", "asking", "changing", "is_throttled"]

#: The code of what does not exist, or no longer.
GONE = "resource_missing"


class Fate(Enum):
    """What became of a request."""

    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


#: The first class that fits decides, unless the code or status below knows better.
FATE_BY_CLASS: dict[type[Exception], Fate] = {
    stripe.CardError: Fate.REFUSED,
    stripe.InvalidRequestError: Fate.REFUSED,
    stripe.IdempotencyError: Fate.REFUSED,
    stripe.AuthenticationError: Fate.REFUSED,
    stripe.PermissionError: Fate.REFUSED,
    stripe.RateLimitError: Fate.UNAVAILABLE,
    # No connection, so nothing was sent.
    aiohttp.ClientConnectorError: Fate.UNAVAILABLE,
    aiohttp.ConnectionTimeoutError: Fate.UNAVAILABLE,
    aiohttp.InvalidURL: Fate.UNAVAILABLE,
    # A connection that was cut, or an answer that did not come.
    aiohttp.ClientError: Fate.UNKNOWN,
    TimeoutError: Fate.UNKNOWN,
    stripe.APIError: Fate.UNKNOWN,
    stripe.StripeError: Fate.UNKNOWN,
}
FATE_BY_CODE: dict[str, Fate] = {
    "idempotency_key_in_use": Fate.UNKNOWN,  # the first request under this key is still under way
    "lock_timeout": Fate.UNAVAILABLE,
    "rate_limit": Fate.UNAVAILABLE,
}
FATE_BY_STATUS: dict[int, Fate] = {409: Fate.UNKNOWN, 429: Fate.UNAVAILABLE}

#: The code of an error that brings none.
CODE_BY_CLASS: dict[type[Exception], str] = {
    stripe.AuthenticationError: "authentication_error",
    stripe.PermissionError: "permission_error",
    stripe.IdempotencyError: "idempotency_error",
    stripe.CardError: "card_error",
    stripe.InvalidRequestError: "invalid_request_error",
}

T = TypeVar("T")

_SECRETS = re.compile(r"\b(sk|rk|pk|whsec)_[\w*]+")
_SERVER_ERROR = 500


@contextmanager
def answers_of(needs: Permission) -> Iterator[None]:
    """Whatever goes wrong with a request inside becomes a `ProviderError` of ours.

    ``needs`` is the permission that the request takes; it is named where the key lacks it.
    """
    try:
        yield
    except (stripe.StripeError, aiohttp.ClientError, TimeoutError) as error:
        raise _ours(error, needs) from error


@contextmanager
def asking() -> Iterator[None]:
    """Whoever only asks has no outcome that could be unknown: there was no answer that can be read, that is all."""
    try:
        yield
    except (OutcomeUnknown, Unreadable) as error:
        raise ProviderUnavailable(_unread(error) if isinstance(error, Unreadable) else error.message) from error


@contextmanager
def changing() -> Iterator[None]:
    """An answer to a change that cannot be read leaves open what became of it."""
    try:
        yield
    except Unreadable as error:
        raise OutcomeUnknown(_unread(error)) from error


def is_throttled(error: ProviderUnavailable) -> bool:
    """Whether Stripe answered that requests come too fast (429)."""
    return isinstance(error.__cause__, stripe.RateLimitError)


def _unread(error: Unreadable) -> str:
    return f"Stripe's answer cannot be read: {error}"


def _ours(error: Exception, needs: Permission) -> ProviderError:
    # The SDK wraps what its HTTP client raises; what that was tells whether anything was sent.
    inner = error.__cause__ if isinstance(error, stripe.APIConnectionError) else None
    cause = inner if isinstance(inner, Exception) else error
    told = _told(error)
    status = getattr(error, "http_status", None)
    code = str(told.get("code") or "")
    fate = FATE_BY_CODE.get(code) or FATE_BY_STATUS.get(status or 0) or _of_class(FATE_BY_CLASS, cause, Fate.UNKNOWN)
    message = _message(error, cause, needs)
    if fate is Fate.REFUSED:
        decline_code = told.get("decline_code")
        return ProviderRefused(
            message,
            code=code or _of_class(CODE_BY_CLASS, error, "refused"),
            decline_code=decline_code if isinstance(decline_code, str) else None,
        )
    if fate is Fate.UNAVAILABLE:
        return ProviderUnavailable(message)
    # A failure of Stripe's own, in its own words: it is kept under the key and would only be repeated.
    return OutcomeUnknown(message, answered=bool(told) and (status or 0) >= _SERVER_ERROR)


def _told(error: Exception) -> Mapping[str, object]:
    """The ``error`` hash of Stripe's answer; empty where there was none."""
    body = getattr(error, "json_body", None)
    told = body.get("error") if isinstance(body, dict) else None
    return told if isinstance(told, dict) else {}


def _of_class(table: Mapping[type[Exception], T], error: Exception, default: T) -> T:
    return next((value for kind, value in table.items() if isinstance(error, kind)), default)


def _message(error: Exception, cause: Exception, needs: Permission) -> str:
    request = f" (request {error.request_id})" if isinstance(error, stripe.StripeError) and error.request_id else ""
    if isinstance(error, stripe.AuthenticationError):
        return f"Stripe does not accept the API key{request}. Check STRIPE_SECRET_KEY."
    if isinstance(error, stripe.PermissionError):
        return f"The API key may not do this{request}. In Stripe's Dashboard, give it the permission “{needs}”."
    if isinstance(error, stripe.APIConnectionError) or not isinstance(error, stripe.StripeError):
        return f"No answer from Stripe ({type(cause).__name__})."
    said = _told(error).get("message") or "it failed without saying why."
    return _SECRETS.sub(r"\1_…", f"Stripe says: {said}{request}")
