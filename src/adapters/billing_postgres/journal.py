"""The journal in PostgreSQL: one table of entries, and the sums that reports are made of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Final, LiteralString, Self

import msgspec
from attrs import frozen

from billing_core.domain.analytics.entries import Entry, EntryKind
from billing_core.domain.analytics.journal import JournalQuery, Total
from billing_core.ports.journal import Due, KeptEntries, RecordedFact, Revision
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


class LineRow(EntryRow, kw_only=True):
    """A row of ``journal``, with when it was known."""

    known_from: datetime
    known_until: datetime | None

    @classmethod
    def known(cls, customer_id: str, entry: Entry, since: datetime, until: datetime | None) -> Self:
        """How an entry is stored that was known from ``since`` until ``until``, or is known to this day."""
        fields = msgspec.structs.asdict(EntryRow.of(customer_id, entry))
        return cls(**fields, known_from=since, known_until=until)


_READ: Final = msgspec.json.Decoder(EntryRow)

#: What is no customer's yet waits no longer: whatever makes it one's is a fact about the customer. A coupon's row is
#: taken only in its turn: it is about everybody whose discount names it.
_DUE_BEGIN: Final[LiteralString] = """
WITH first AS MATERIALIZED (
    SELECT position, kind, object_id FROM journal_queue q
    WHERE recorded_at <= coalesce(%(until)s, 'infinity'::timestamptz)
"""

#: A coupon's row is about several customers: while one of them is left out it waits for all of them.
_WITHOUT: Final[LiteralString] = """
    AND NOT EXISTS (
        SELECT FROM provider_objects o
        WHERE o.id = q.object_id AND o.kind = q.kind AND o.customer_id = ANY (%(without)s::text[])
    ) AND NOT (q.kind = 'coupon' AND EXISTS (
        SELECT FROM provider_objects o
        WHERE o.kind = 'discount' AND o.snapshot ->> 'coupon_id' = q.object_id
          AND o.customer_id = ANY (%(without)s::text[])
    ))
"""

_DUE_END: Final[LiteralString] = """
    ORDER BY position LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), due AS MATERIALIZED (
    SELECT customer_id, min(position) AS position FROM (
        SELECT first.position, o.customer_id FROM first
        JOIN provider_objects o ON o.id = first.object_id AND o.kind = first.kind
        UNION ALL
        SELECT first.position, o.customer_id FROM first
        JOIN provider_objects o ON o.kind = 'discount' AND o.snapshot ->> 'coupon_id' = first.object_id
        WHERE first.kind = 'coupon'
    ) AS found WHERE customer_id IS NOT NULL GROUP BY customer_id
), rest AS MATERIALIZED (
    SELECT q.position FROM due
    JOIN provider_objects o ON o.customer_id = due.customer_id
    JOIN journal_queue q ON q.object_id = o.id AND q.kind = o.kind
    FOR UPDATE OF q SKIP LOCKED
), taken AS (
    DELETE FROM journal_queue
    WHERE position = ANY (ARRAY(SELECT position FROM first UNION SELECT position FROM rest))
    RETURNING position
)
SELECT due.customer_id, count.taken FROM (SELECT count(*) AS taken FROM taken) AS count
LEFT JOIN due ON true ORDER BY due.position
"""

_DUE: Final[LiteralString] = _DUE_BEGIN + _DUE_END
_DUE_WITHOUT: Final[LiteralString] = _DUE_BEGIN + _WITHOUT + _DUE_END

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

#: The sums of days are changed with the lines, in no order of theirs: one at a time, else two may wait for each other.
_HOLD_DAYS: Final[LiteralString] = "SELECT pg_advisory_xact_lock(hashtextextended('journal_days', 0))"

_ADD: Final[LiteralString] = """
INSERT INTO journal (
    customer_id, kind, at, currency, amount, committed, customers, price_id, subject_id, since, facts,
    known_from, known_until
)
SELECT
    customer_id, kind, at, currency, amount, committed, customers, price_id, subject_id, since, facts,
    known_from, coalesce(known_until, 'infinity')
FROM json_populate_recordset(NULL::journal, %(rows)s::json)
"""

_STRIKE: Final[LiteralString] = """
UPDATE journal j SET known_until = gone.known_until
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

    async def due(self, limit: int, until: datetime | None = None, without: Collection[str] = ()) -> Due:
        """Customers about whom facts were added."""
        given: dict[str, object] = {"limit": limit, "until": until}
        if without:
            rows = await self._session.rows(_DUE_WITHOUT, given | {"without": sorted(without)})
        else:
            rows = await self._session.rows(_DUE, given)
        return Due(rows[0][1], tuple(customer_id for customer_id, _ in rows if customer_id is not None))

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

    async def write(self, customer_id: str, revisions: Sequence[Revision]) -> None:
        """Strike out and add entries: in two statements, however many moments of knowledge there are."""
        standing: dict[Entry, datetime] = {}
        added: list[LineRow] = []
        struck: list[LineRow] = []
        for one in revisions:
            for entry in one.struck:
                since = standing.pop(entry, None)
                row = LineRow.known(customer_id, entry, since or one.known_at, one.known_at)
                (struck if since is None else added).append(row)
            standing.update(dict.fromkeys(one.added, one.known_at))
        added += [LineRow.known(customer_id, entry, since, None) for entry, since in standing.items()]
        if added or struck:
            await self._session.rows(_HOLD_DAYS, ())
        for statement, rows in ((_STRIKE, struck), (_ADD, added)):
            if rows:
                await self._session.execute(statement, {"rows": encode_rows(rows), "customer_id": customer_id})

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
