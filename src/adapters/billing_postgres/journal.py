"""The journal in PostgreSQL: one table of entries, and the sums that reports are made of."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final, LiteralString, Self

import msgspec
from attrs import frozen

from billing_core.domain.analytics.entries import Entry, EntryKind
from billing_core.domain.analytics.journal import JournalQuery, Total
from billing_core.ports.journal import Due, KeptEntries, RecordedFact
from billing_postgres.encoding import encode_rows
from billing_postgres.facts import read_fact
from billing_postgres.journal_totals import ASKED, parameters, standing, sums
from billing_postgres.session import Session

__all__ = ["PostgresJournal"]


class EntryRow(msgspec.Struct, kw_only=True):
    """What a row of ``journal`` says, but for when it was known."""

    customer_id: str
    kind: EntryKind
    at: datetime
    currency: str
    amount: int
    committed: int
    customers: int
    price_id: str | None
    subject_id: str
    since: datetime
    facts: list[str]

    @classmethod
    def of(cls, customer_id: str, entry: Entry) -> Self:
        """How an entry is stored."""
        return cls(
            customer_id=customer_id,
            kind=entry.kind,
            at=entry.at,
            currency=entry.currency,
            amount=entry.amount,
            committed=entry.committed,
            customers=entry.customers,
            price_id=entry.price_id,
            subject_id=entry.subject_id,
            since=entry.since,
            facts=list(entry.facts),
        )

    def to_domain(self) -> Entry:
        """The entry that is stored."""
        return Entry(
            kind=self.kind,
            at=self.at,
            currency=self.currency,
            amount=self.amount,
            committed=self.committed,
            customers=self.customers,
            price_id=self.price_id,
            subject_id=self.subject_id,
            since=self.since,
            facts=tuple(self.facts),
        )


_READ: Final = msgspec.json.Decoder(EntryRow)

#: What is no customer's yet waits no longer: whatever makes it one's is a fact about the customer.
_DUE: Final[LiteralString] = """
WITH taken AS (
    DELETE FROM journal_queue q USING (
        SELECT position FROM journal_queue ORDER BY position LIMIT %s FOR UPDATE SKIP LOCKED
    ) AS first
    WHERE q.position = first.position
    RETURNING q.position, q.kind, q.object_id
)
SELECT customer_id, (SELECT count(*) FROM taken) FROM (
    SELECT t.position, o.customer_id FROM taken t
    LEFT JOIN provider_objects o ON o.id = t.object_id AND o.kind = t.kind
    UNION ALL
    SELECT t.position, o.customer_id FROM taken t
    JOIN provider_objects o ON o.kind = 'discount' AND o.snapshot ->> 'coupon_id' = t.object_id
    WHERE t.kind = 'coupon'
) AS found
GROUP BY customer_id ORDER BY min(position)
"""

_LOCK: Final[LiteralString] = "SELECT pg_advisory_xact_lock(hashtextextended('journal:' || %s, 0))"

_TOLD: Final[LiteralString] = """
SELECT f.id, f.kind, f.type, f.occurred_at, f.after, f.before, f.recorded_at
FROM provider_objects o JOIN facts f ON f.object_id = o.id AND f.kind = o.kind
WHERE o.customer_id = %s
"""

_ENTRIES_OF: Final[LiteralString] = """
SELECT to_json(j), known_until = 'infinity', greatest(known_from, nullif(known_until, 'infinity'))
FROM journal j WHERE customer_id = %s
"""

_ADD: Final[LiteralString] = """
INSERT INTO journal (
    customer_id, kind, at, currency, amount, committed, customers, price_id, subject_id, since, facts, known_from
)
SELECT
    customer_id, kind, at, currency, amount, committed, customers, price_id, subject_id, since, facts,
    %(known_at)s::timestamptz
FROM json_populate_recordset(NULL::journal, %(rows)s::json)
"""

_STRIKE: Final[LiteralString] = """
UPDATE journal j SET known_until = %(known_at)s::timestamptz
FROM json_populate_recordset(NULL::journal, %(rows)s::json) AS gone
WHERE j.customer_id = %(customer_id)s AND j.known_until = 'infinity' AND j.kind = gone.kind AND j.at = gone.at
    AND j.subject_id = gone.subject_id AND j.currency = gone.currency AND j.amount = gone.amount
    AND j.committed = gone.committed AND j.customers = gone.customers
    AND j.price_id IS NOT DISTINCT FROM gone.price_id AND j.since = gone.since AND j.facts = gone.facts
"""


@frozen
class PostgresJournal:
    """The port of the journal."""

    _session: Session

    async def due(self, limit: int) -> Due:
        """Customers about whom facts were added."""
        rows = await self._session.rows(_DUE, (limit,))
        return Due(rows[0][1] if rows else 0, tuple(customer_id for customer_id, _ in rows if customer_id is not None))

    async def lock(self, customer_id: str) -> None:
        """Be the only one to write about a customer."""
        await self._session.rows(_LOCK, (customer_id,))

    async def told(self, customer_id: str) -> tuple[RecordedFact, ...]:
        """All facts about all objects of a customer."""
        rows = await self._session.rows(_TOLD, (customer_id,))
        return tuple(RecordedFact(read_fact(row[:-1]), row[-1]) for row in rows)

    async def entries_of(self, customer_id: str) -> KeptEntries:
        """The entries about a customer as they stand."""
        rows = await self._session.rows(_ENTRIES_OF, (customer_id,))
        return KeptEntries(
            frozenset(_READ.decode(stored).to_domain() for stored, stands, _ in rows if stands),
            max((known for _, _, known in rows), default=None),
        )

    async def write(
        self, customer_id: str, *, struck: Collection[Entry], added: Collection[Entry], known_at: datetime
    ) -> None:
        """Strike out and add entries."""
        for statement, entries in ((_STRIKE, struck), (_ADD, added)):
            if entries:
                rows = encode_rows(EntryRow.of(customer_id, entry) for entry in entries)
                parameters = {"rows": rows, "known_at": known_at, "customer_id": customer_id}
                await self._session.execute(statement, parameters)

    async def totals(self, query: JournalQuery) -> tuple[Total, ...]:
        """Sums of entries, made by the database: of whole days where they can be had, else of lines."""
        statement, given = sums(query)
        return tuple(
            Total(
                kind=EntryKind(kind),
                currency=currency,
                period=period.astimezone(UTC) if period else None,
                cohort=cohort.astimezone(UTC) if cohort else None,
                price_id=price_id,
                amount=amount,
                committed=committed,
                customers=customers,
                entries=entries,
            )
            for kind, currency, period, cohort, price_id, amount, committed, customers, entries in (
                await self._session.rows(statement, given)
            )
        )

    async def listed(self, query: JournalQuery, limit: int) -> tuple[tuple[str, Entry], ...]:
        """The entries themselves."""
        statement = (
            f"SELECT to_json(j){ASKED}{standing(query)}"
            ' ORDER BY at DESC, customer_id DESC, kind COLLATE "C" DESC, id DESC LIMIT %(limit)s'
        )
        rows = await self._session.rows(statement, parameters(query) | {"limit": limit})
        decoded = [_READ.decode(stored) for (stored,) in rows]
        return tuple((row.customer_id, row.to_domain()) for row in decoded)
