"""Idempotency keys: one answer and one effect for a request, however often it is sent.

The effect is tied to the key in the commit that makes it; the answer is kept after it, before anybody sees it.
So a crash between the two loses nothing: the next attempt under the key goes on with what the tie names.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from attrs import field, frozen

from billing_core.domain.errors import InvalidValue

__all__ = ["ATTEMPT_LEASE", "KEYS_KEPT", "KeptAnswer", "KeyClaim", "RequestKey", "require_key"]

#: For so long the first answer is given again.
KEYS_KEPT = timedelta(hours=24)
#: After so long without an answer, whoever was at it is taken to have died, and another attempt may begin.
ATTEMPT_LEASE = timedelta(seconds=15)

_LENGTH_MAX = 255
_FIRST_VISIBLE, _LAST_VISIBLE = "!", "~"


def require_key(key: str) -> str:
    """``key``, where it is 1 to 255 visible ASCII characters. Raises `InvalidValue`."""
    if not 1 <= len(key) <= _LENGTH_MAX or not all(_FIRST_VISIBLE <= one <= _LAST_VISIBLE for one in key):
        raise InvalidValue("An idempotency key has 1 to 255 visible ASCII characters.", field="Idempotency-Key")
    return key


@frozen(kw_only=True)
class RequestKey:
    """The idempotency key of a request, for one attempt at answering it."""

    caller_id: str
    key: str
    #: Names this attempt. Once another one took over, this one can tie and keep nothing any more.
    holder: str
    #: What an earlier attempt did: the id of an operation or of a grant; None where none got so far.
    effect_id: str | None = None


@frozen(kw_only=True)
class KeptAnswer:
    """An answer as it was first given."""

    status: int
    headers: Mapping[str, str]
    #: Empty also where the answer held a secret: then only the effect is known, and the answer is made again.
    body: bytes = field(repr=False)


@frozen(kw_only=True)
class KeyClaim:
    """What is known of a key, once somebody asked to answer under it."""

    #: Whether they may; else another attempt is at it, or there is an answer, or it is another request's key.
    granted: bool
    #: A digest of the first request.
    request_hash: bytes
    effect_id: str | None = None
    answer: KeptAnswer | None = None
