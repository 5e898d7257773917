"""The fact log in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, LiteralString

from attrs import frozen
from psycopg.rows import TupleRow

from billing_core.domain.facts import Fact, ObjectRef
from billing_postgres.ahead import Ahead
from billing_postgres.encoding import encode, read_snapshot
from billing_postgres.session import Session
from billing_postgres.statements import refs_as_arrays

__all__ = ["PostgresFactLog", "read_fact"]

_ADD: Final[LiteralString] = """
INSERT INTO facts (id, kind, object_id, customer_id, type, occurred_at, recorded_at, after, before)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s::jsonb)
ON CONFLICT (id, object_id) DO NOTHING
"""

_KNOWN_BY: Final[LiteralString] = """
SELECT f.id, f.kind, f.type, f.occurred_at, f.after, f.before
FROM unnest(%(kinds)s::text[], %(ids)s::text[]) AS wanted (kind, id)
JOIN facts f ON f.object_id = wanted.id COLLATE "C" AND f.kind = wanted.kind
WHERE f.occurred_at <= %(at)s::timestamptz AND f.recorded_at <= %(known_at)s::timestamptz
"""

_NO_BOUND: Final = "infinity"


@frozen
class PostgresFactLog:
    """The port of the fact log."""

    _session: Session
    _ahead: Ahead

    async def add(self, fact: Fact, recorded_at: datetime) -> bool:
        """Keep a fact; False where its id is known."""
        is_new = self._ahead.add_fact(fact, recorded_at)
        if is_new is not None:
            return is_new
        values = (
            fact.id,
            fact.kind.value,
            fact.after.id,
            fact.customer_id,
            fact.type,
            fact.occurred_at,
            recorded_at,
            encode(fact.after),
            encode(fact.before) if fact.before else None,
        )
        return await self._session.execute(_ADD, values) == 1

    async def of_objects(self, refs: Collection[ObjectRef]) -> tuple[Fact, ...]:
        """All facts about these objects."""
        known = self._ahead.facts_of(refs)
        return known if known is not None else await self.known_by(refs, at=None, known_at=None)

    async def known_by(
        self, refs: Collection[ObjectRef], *, at: datetime | None, known_at: datetime | None
    ) -> tuple[Fact, ...]:
        """The facts about these objects that happened and were recorded up to two moments."""
        if not refs:
            return ()
        parameters = refs_as_arrays(refs) | {"at": at or _NO_BOUND, "known_at": known_at or _NO_BOUND}
        return tuple(read_fact(row) for row in await self._session.rows(_KNOWN_BY, parameters))


def read_fact(row: TupleRow) -> Fact:
    """The fact of a row: id, kind, type, occurred_at, after, before."""
    identity, kind, type_, occurred_at, after, before = row
    return Fact(
        id=identity,
        type=type_,
        occurred_at=occurred_at,
        after=read_snapshot(kind, after),
        before=read_snapshot(kind, before) if before is not None else None,
    )
