"""The port of the journal: every entry that reports are sums of. Contract: ``billing_contracts.journal``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from billing_core.domain.analytics.entries import Entry
from billing_core.domain.analytics.journal import JournalQuery, Total
from billing_core.domain.facts import Fact

__all__ = ["Due", "Journal", "KeptEntries", "RecordedFact", "Revision"]


@frozen
class Due:
    """What was taken out of the queue."""

    #: How many facts.
    facts: int
    #: The customers that they are about, oldest fact first.
    customer_ids: tuple[str, ...]


@frozen
class RecordedFact:
    """A fact, and when we came to know it (UTC)."""

    fact: Fact
    recorded_at: datetime


@frozen
class KeptEntries:
    """The entries about one customer as they stand."""

    entries: frozenset[Entry]
    #: The latest moment (UTC) of knowledge that was written; None before the first.
    known_at: datetime | None


@frozen(kw_only=True)
class Revision:
    """What changed in the entries about one customer at one moment of knowledge."""

    known_at: datetime
    #: Entries that stood until then.
    struck: Collection[Entry] = ()
    added: Collection[Entry] = ()


class Journal(Protocol):
    """The entries of all customers, as they stand and as they stood at any moment before.

    An entry is never changed: it is written at one moment of knowledge, and struck out at another.
    """

    async def due(self, limit: int, until: datetime | None = None, without: Collection[str] = ()) -> Due:
        """Customers about whom facts were added since this was last asked: of the oldest ``limit`` facts.

        With ``until`` (UTC) only of facts that were recorded by then. All other facts about the same customers are
        taken out with them. They are due no more once this is committed;
        meanwhile others that ask are given other ones. A customer of whom it is not known yet that an object is theirs
        is not due by its facts. Facts that concern a customer of ``without`` are left where they are.
        """
        ...

    async def lock(self, customer_id: str) -> None:
        """Be the only one to write about a customer, until the unit of work ends."""
        ...

    async def told(self, customer_id: str) -> tuple[RecordedFact, ...]:
        """All facts about all objects of a customer, in no particular order."""
        ...

    async def entries_of(self, customer_id: str) -> KeptEntries:
        """The entries about a customer as they stand."""
        ...

    async def write(self, customer_id: str, revisions: Sequence[Revision]) -> None:
        """Strike out and add entries about a customer, oldest revision first.

        What is struck stood by then, and no revision is before any that was written about this customer. From here
        until the unit of work ends nobody else writes, about anybody: whoever waits waits here.
        """
        ...

    async def totals(self, query: JournalQuery) -> tuple[Total, ...]:
        """What `billing_core.domain.analytics.journal.totals_of` these entries would be, in no particular order."""
        ...

    async def listed(self, query: JournalQuery, limit: int) -> tuple[tuple[str, Entry], ...]:
        """The entries themselves, each with its customer: the latest ``limit``, newest first. ``by…`` means nothing."""
        ...
