"""A crowd: any number of learners with some months behind them, loaded by COPY.

One learner's story (`benchmarks.mix`) is taken in by the service itself, but for its last events. What it left in the
tables is then the pattern of everybody's rows: each id in them is given the learner's number, and what follows from a
provider's id is computed anew. So facts, objects and derived rows are those that the service would have written. The
bytes of webhooks, what was told to others, the audit log and the journal of reports are left out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import psycopg
from attrs import field, frozen
from rich.progress import Progress

from benchmarks import services
from benchmarks.mix import Story
from billing_bootstrap.application import Application
from billing_core.domain.ids import derived_id
from billing_sandbox.signing import signature_header

__all__ = ["LEFT", "Crowd", "delivery", "pattern_of"]

#: So many events at the story's end are not told: a benchmark tells them.
LEFT: Final = 2
#: The learner whose rows are the pattern.
_PATTERN: Final = 999_999_999
#: What each learner has rows in, but for what is left out.
_TABLES: Final = (
    "user_stripe_mapping",
    "user_versions",
    "facts",
    "provider_objects",
    "subscriptions",
    "purchases",
    "payments",
    "refunds",
    "invoices",
    "payment_methods",
    "user_access",
)
_AT_ONCE: Final = 2_000
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
        """Write the rows of so many learners, their numbers counted from 0; the seconds that it took."""
        begun = time.monotonic()
        with psycopg.connect(database_url, autocommit=True) as connection, Progress() as progress:
            connection.execute("SET synchronous_commit = off")
            connection.execute("ALTER TABLE facts DISABLE TRIGGER facts_are_queued_for_journal")
            task = progress.add_task(title, total=learners)
            for first in range(0, learners, _AT_ONCE):
                some = range(first, min(first + _AT_ONCE, learners))
                for table, rows in self._of(some):
                    copy = f"COPY {table} ({self._columns[table]}) FROM STDIN"
                    with connection.cursor().copy(copy.encode()) as sink:
                        sink.write(rows)
                progress.advance(task, len(some))
            connection.execute("ALTER TABLE facts ENABLE TRIGGER facts_are_queued_for_journal")
            connection.execute("VACUUM (ANALYZE)")
        return time.monotonic() - begun

    def _of(self, learners: range) -> Iterator[tuple[str, bytes]]:
        ours = [self._ours_of(learner) for learner in learners]
        for table, pieces in self._rows.items():
            texts = []
            for learner, derived in zip(learners, ours, strict=True):
                text = f"x{learner}".encode().join(pieces)
                for mark, own in derived:
                    text = text.replace(mark, own)
                texts.append(text)
            yield table, b"".join(texts)

    def _ours_of(self, learner: int) -> list[tuple[bytes, bytes]]:
        number = f"x{learner}"
        return [
            (mark, derived_id.__wrapped__(created, identity.replace("\0", number)).encode())
            for mark, created, identity in self._derived
        ]


async def pattern_of(application: Application, database_url: str, story: Story) -> Crowd:
    """Take in the story of one learner, and read what it left."""
    for place in range(len(story) - LEFT):
        await application.receive_event(*delivery(story, place, _PATTERN))
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
        for table in _TABLES:
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


def _columns(connection: psycopg.Connection[tuple[object, ...]], table: str) -> str:
    found = connection.execute(
        "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
        (table,),
    ).fetchone()
    return str(found[0]) if found else ""
