"""Read a report: sums of the journal, for any stretch of time, as known now or then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from billing_core.domain.analytics.entries import Entry, EntryKind
from billing_core.domain.analytics.journal import Bucket, JournalQuery, beginning_of
from billing_core.domain.analytics.reports.asked import REPORTS, Report, ReportName
from billing_core.domain.analytics.reports.frames import Question
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["ReadReport"]

_ELEVEN_MONTHS: Final = timedelta(days=335)


@frozen(kw_only=True)
class ReadReport:
    """Answer what finance asks."""

    units: UnitsOfWork

    async def __call__(self, name: ReportName, question: Question) -> Sequence[Report]:
        """The report called ``name``, one for each currency in which there is anything to tell."""
        rule = REPORTS[name]
        async with self.units() as uow:
            catalog = await uow.catalogs.load()
            totals = [await uow.journal.totals(query) for query in rule.asks(question)]
        plans = {plan.stripe_price_id: plan.id for plan in catalog.plans if plan.stripe_price_id}
        return rule.makes(question, totals, plans)

    async def usual_beginning(
        self, until: datetime, *, known_at: datetime | None = None, currency: str | None = None
    ) -> datetime:
        """From when on (UTC) a report tells that nobody gave a beginning.

        Twelve months, this one among them; or from the month on in which anything happened first, where that is later.
        """
        year = beginning_of(Bucket.MONTH, until - _ELEVEN_MONTHS)
        first = JournalQuery(
            kinds=frozenset(EntryKind), until=until, known_at=known_at, currency=currency, by=Bucket.MONTH
        )
        async with self.units() as uow:
            months = [total.period for total in await uow.journal.totals(first) if total.period is not None]
        return max(year, min(months, default=year))

    async def behind(self, name: ReportName, question: Question, limit: int) -> tuple[tuple[str, Entry], ...]:
        """The entries that the report's figures within its time are sums of, newest first: customer and entry."""
        kinds: frozenset[EntryKind] = frozenset().union(*(query.kinds for query in REPORTS[name].asks(question)))
        asked = JournalQuery(
            kinds=kinds,
            since=question.since,
            until=question.until,
            known_at=question.known_at,
            currency=question.currency,
        )
        async with self.units() as uow:
            return await uow.journal.listed(asked, limit)
