"""Our ids: UUIDv7 (RFC 9562), for what the provider made computed from what it is called there.

The id of a subscription, payment or invoice follows from the provider's id and creation time, so that any
order of events, any process and any rebuild give the same one (ADR 0003). What we make ourselves takes
its id from the `billing_core.ports.ids` port.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from billing_core.domain.errors import NotFound

__all__ = ["derived_id", "require_uuid", "uuid7"]


def uuid7(unix_milliseconds: int, entropy: int) -> str:
    """The UUIDv7 of this time with 74 bits of entropy."""
    value = (unix_milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (entropy >> 62 & 0xFFF) << 64 | 0b10 << 62 | entropy & (1 << 62) - 1
    return str(UUID(int=value))


@lru_cache(maxsize=8_192)
def derived_id(created: datetime, provider_id: str) -> str:
    """Our id of what the provider calls ``provider_id`` and made at ``created`` (UTC).

    The last some thousand are kept (3 MB): deriving an account asks for the ids of all that the account has, time and
    again.
    """
    digest = hashlib.sha256(provider_id.encode()).digest()
    return uuid7(int(created.timestamp() * 1000), int.from_bytes(digest[:10], "big"))


def require_uuid(value: str) -> str:
    """``value`` in lower case. A malformed id, without hyphens or in braces too, names nothing: raises `NotFound`."""
    try:
        usual = str(UUID(value))
    except ValueError:
        raise NotFound from None
    if usual != value.lower():
        raise NotFound
    return usual
