"""Read a report: sums of the journal, for any stretch of time, as known now or then."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from billing_core.domain.analytics.entries import Entry, EntryKind
from billing_core.domain.analytics.journal import JournalQuery
from billing_core.domain.analytics.reports.asked import REPORTS, Report, ReportName
from billing_core.domain.analytics.reports.frames import Question
from billing_core.ports.unit_of_work import UnitsOfWork

__all__ = ["ReadReport"]


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
