"""A crowd: any number of learners with some months behind them, loaded by COPY.

One learner's story (`benchmarks.mix`) is taken in by the service itself, but for its last events. What it left in the
tables is then the pattern of everybody's rows: each id in them is given the learner's number, and what follows from a
provider's id is computed anew. So facts, objects and derived rows are those that the service would have written. The
bytes of webhooks, what was told to others, the audit log and the journal of reports are left out.

Loading is made for tables of many gigabytes: each is filled in one transaction, by COPY, before its indexes are built.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Final

import psycopg
from attrs import field, frozen
from rich.progress import Progress

from benchmarks import services
from benchmarks.mix import Story
from billing_core.domain.ids import derived_id
from billing_sandbox.signing import signature_header

__all__ = ["LEFT", "TABLES", "Crowd", "delivery", "pattern_of"]

#: So many events at the story's end are not told: a benchmark tells them.
LEFT: Final = 2
#: The learner whose rows are the pattern.
_PATTERN: Final = 999_999_999
#: What each learner has rows in, but for what is left out: in two halves that are of about one size, for two sessions.
_HALVES: Final = (
    ("facts",),
    (
        "provider_objects",
        "user_stripe_mapping",
        "user_versions",
        "subscriptions",
        "purchases",
        "payments",
        "refunds",
        "invoices",
        "payment_methods",
        "user_access",
    ),
)
TABLES: Final = tuple(table for half in _HALVES for table in half)
_Connection = psycopg.Connection[tuple[object, ...]]
_AT_ONCE: Final = 200
#: How the indexes of a table, and the constraints that are indexes, are made again.
_INDEXES: Final = """
SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
    format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = %(table)s::regclass AND contype IN ('p', 'u')
UNION ALL
SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
FROM pg_index WHERE indrelid = %(table)s::regclass
    AND indexrelid NOT IN (SELECT conindid FROM pg_constraint WHERE conrelid = %(table)s::regclass)
"""
_OURS: Final = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def delivery(story: Story, place: int, learner: int) -> tuple[bytes, str]:
    """The event at ``place`` of a learner, and its signature."""
    body = story.event(place, learner)
    return body, signature_header(body, services.SECRET, int(time.time()))


@frozen
class Crowd:
    """The rows of one learner, as the pieces between what differs from one learner to the next."""

    #: By table: the pieces of the text that COPY takes; between them the learner's number.
    _rows: dict[str, tuple[bytes, ...]]
    _columns: dict[str, str]
    #: What follows from a provider's id: what stands for it in the rows, when that was made, and the id.
    _derived: tuple[tuple[bytes, datetime, str], ...] = field(repr=False)
    #: How many facts each has.
    facts: int = field(kw_only=True)

    def load(self, database_url: str, learners: int, *, title: str) -> float:
        """Fill a database with so many learners, their numbers counted from 0; the seconds that it took."""
        begun = time.monotonic()
        with Progress() as progress, ThreadPoolExecutor(len(_HALVES)) as threads:
            halves = []
            for tables in _HALVES:
                named = f"{title}: {tables[0]}" if len(tables) == 1 else f"{title}: all else"
                task = progress.add_task(named, total=learners * len(tables))
                advance = partial(progress.advance, task)
                halves.append(threads.submit(self._load_half, database_url, tables, learners, advance))
            for half in halves:
                half.result()
        return time.monotonic() - begun

    def _load_half(
        self, database_url: str, tables: tuple[str, ...], learners: int, advance: Callable[[int], None]
    ) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")  # nothing is queued for anybody
            connection.execute("SET maintenance_work_mem = '1GB'")
            for table in tables:
                with connection.transaction():
                    self._fill(connection, table, learners, advance)
                connection.execute(f"VACUUM (ANALYZE) {table}".encode())

    def _fill(
        self,
        connection: _Connection,
        table: str,
        learners: int,
        advance: Callable[[int], None],
    ) -> None:
        """Write one table from nothing: emptied in the transaction that fills it, it need not go through the WAL.

        (Where ``wal_level`` is minimal: "Populating a Database" in PostgreSQL's manual.) What is frozen at once is not
        written again by a vacuum.
        """
        connection.execute(f"TRUNCATE {table}".encode())
        indexes = connection.execute(_INDEXES, {"table": table})
        drops, creations = zip(*indexes.fetchall(), strict=True)
        for drop in drops:
            connection.execute(str(drop).encode())
        copy = f"COPY {table} ({self._columns[table]}) FROM STDIN (FREEZE)"
        with connection.cursor().copy(copy.encode()) as sink:
            for first in range(0, learners, _AT_ONCE):
                some = range(first, min(first + _AT_ONCE, learners))
                sink.write(b"".join(self._rows_of(table, some)))
                advance(len(some))
        for creation in creations:
            connection.execute(str(creation).encode())

    def _rows_of(self, table: str, learners: range) -> Iterator[bytes]:
        pieces = self._rows[table]
        derived = [one for one in self._derived if any(one[0] in piece for piece in pieces)]
        for learner in learners:
            number = f"x{learner}"
            text = number.encode().join(pieces)
            for mark, created, identity in derived:
                own = derived_id.__wrapped__(created, identity.replace("\0", number))
                text = text.replace(mark, own.encode())
            yield text


async def pattern_of(receive: Callable[[bytes, str], Awaitable[object]], database_url: str, story: Story) -> Crowd:
    """Take in the story of one learner, where nothing was taken in before, and read what it left."""
    for place in range(len(story) - LEFT):
        await receive(*delivery(story, place, _PATTERN))
    return _read(database_url)


def _read(database_url: str) -> Crowd:
    number = f"x{_PATTERN}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        objects = connection.execute("SELECT id, snapshot ->> 'created' FROM provider_objects").fetchall()
        derived = {}
        for identity, created in objects:
            if created is not None:
                made = datetime.fromisoformat(created)
                derived[derived_id(made, identity).encode()] = (made, identity.replace(number, "\0"))
        texts, columns = {}, {}
        for table in TABLES:
            columns[table] = _columns(connection, table)
            with connection.cursor().copy(f"COPY {table} ({columns[table]}) TO STDOUT".encode()) as source:
                texts[table] = b"".join(bytes(part) for part in source)
        (facts,) = connection.execute("SELECT count(*) FROM facts").fetchone() or (0,)
    unknown = {found for text in texts.values() for found in _OURS.findall(text)} - derived.keys()
    if unknown:
        raise RuntimeError(f"Nobody knows what these ids follow from: {unknown}.")
    used = {own for own in derived if any(own in text for text in texts.values())}
    rows = {}
    for table, text in texts.items():
        rows[table] = tuple(text.split(number.encode()))
    return Crowd(rows, columns, tuple((own, *derived[own]) for own in sorted(used)), facts=int(facts))


def _columns(connection: _Connection, table: str) -> str:
    found = connection.execute(
        "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
        (table,),
    ).fetchone()
    return str(found[0]) if found else ""
