"""Idempotency keys in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import Final, LiteralString

import msgspec
from attrs import frozen

from billing_core.domain.errors import ConcurrentChange, OperationInProgress
from billing_core.domain.idempotency import ATTEMPT_LEASE, KEYS_KEPT, KeptAnswer, KeyClaim, RequestKey
from billing_postgres.encoding import encode
from billing_postgres.session import Session

__all__ = ["PostgresIdempotencyKeys"]

#: Writes nothing, and answers with nothing, where the key is not to be had.
_CLAIM: Final[LiteralString] = """
INSERT INTO idempotency_keys AS k (caller, key, request_hash, claimed_by, claimed_until, created_at, expires_at)
VALUES (%(caller)s, %(key)s, %(hash)s, %(holder)s, %(until)s, %(now)s, %(expires)s)
ON CONFLICT (caller, key) DO UPDATE SET
    request_hash = excluded.request_hash,
    claimed_by = excluded.claimed_by,
    claimed_until = excluded.claimed_until,
    effect_id = CASE WHEN k.expires_at > %(now)s THEN k.effect_id END,
    status = NULL,
    headers = NULL,
    body = NULL,
    created_at = CASE WHEN k.expires_at > %(now)s THEN k.created_at ELSE excluded.created_at END,
    expires_at = CASE WHEN k.expires_at > %(now)s THEN k.expires_at ELSE excluded.expires_at END
WHERE k.expires_at <= %(now)s
   OR (k.status IS NULL AND k.request_hash = excluded.request_hash
       AND (k.claimed_until IS NULL OR k.claimed_until <= %(now)s))
RETURNING request_hash, effect_id, status, headers, body
"""

_FIND: Final[LiteralString] = """
SELECT request_hash, effect_id, status, headers, body FROM idempotency_keys WHERE caller = %(caller)s AND key = %(key)s
"""

_TIE: Final[LiteralString] = """
UPDATE idempotency_keys SET effect_id = %(effect)s
WHERE caller = %(caller)s AND key = %(key)s AND claimed_by = %(holder)s
"""

_KEEP: Final[LiteralString] = """
UPDATE idempotency_keys
SET status = %(status)s, headers = %(headers)s::jsonb, body = %(body)s, claimed_by = NULL, claimed_until = NULL
WHERE caller = %(caller)s AND key = %(key)s AND claimed_by = %(holder)s
"""

_FREE: Final[tuple[LiteralString, ...]] = (
    """
DELETE FROM idempotency_keys
WHERE caller = %(caller)s AND key = %(key)s AND claimed_by = %(holder)s AND effect_id IS NULL
""",
    """
UPDATE idempotency_keys SET claimed_by = NULL, claimed_until = NULL
WHERE caller = %(caller)s AND key = %(key)s AND claimed_by = %(holder)s
""",
)

_HEADERS: Final = msgspec.json.Decoder(dict[str, str])


@frozen
class PostgresIdempotencyKeys:
    """The port of idempotency keys."""

    _session: Session

    async def claim(self, request: RequestKey, request_hash: bytes, now: datetime) -> KeyClaim:
        """Ask to answer a request under its key."""
        parameters = {
            **_named(request),
            "hash": request_hash,
            "now": now,
            "until": now + ATTEMPT_LEASE,
            "expires": now + KEYS_KEPT,
        }
        granted = await self._session.row(_CLAIM, parameters)
        found = granted or await self._session.row(_FIND, parameters)
        if found is None:  # somebody freed it between the two
            raise ConcurrentChange
        first_hash, effect_id, status, headers, body = found
        return KeyClaim(
            granted=granted is not None,
            request_hash=first_hash,
            effect_id=effect_id,
            answer=KeptAnswer(status=status, headers=_HEADERS.decode(headers), body=body) if status else None,
        )

    async def tie(self, request: RequestKey, effect_id: str) -> None:
        """Say what the request did."""
        if not await self._session.execute(_TIE, {**_named(request), "effect": effect_id}):
            raise OperationInProgress

    async def keep(self, request: RequestKey, answer: KeptAnswer) -> bool:
        """Keep the answer."""
        told = {"status": answer.status, "headers": encode(dict(answer.headers)), "body": answer.body}
        return bool(await self._session.execute(_KEEP, {**_named(request), **told}))

    async def free(self, request: RequestKey) -> None:
        """Let another attempt begin at once."""
        for statement in _FREE:
            await self._session.execute(statement, _named(request))


def _named(request: RequestKey) -> dict[str, object]:
    return {"caller": request.caller_id, "key": request.key, "holder": request.holder}
