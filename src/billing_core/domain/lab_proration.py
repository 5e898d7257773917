"""The policy lab's view of plan changes: what amounts of our own would have charged for each change that was made.

What was charged is read from the invoices: the lines that begin with the change and end with its period. What would
have been is `own_proration` over what was billed by then, so a change that was charged by the very rule that is tried
makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from attrs import frozen

from billing_core.domain.analytics.histories import History, Stage
from billing_core.domain.change_rules import OwnAmounts
from billing_core.domain.facts import InvoiceLineSeen, InvoiceSeen, ItemSeen, SubscriptionSeen
from billing_core.domain.money import Money
from billing_core.domain.own_proration import billed_ahead, own_lines
from billing_core.domain.periods import Period

__all__ = ["ProratedChange", "prorated_changes"]

#: A preview is good for a day: so long before a change takes effect its lines may begin.
_PREVIEW_LIFE = timedelta(days=1)


@frozen(kw_only=True)
class ProratedChange:
    """A change of plan or quantity within a period: what it was charged, and what the rule would have charged."""

    subscription_id: str
    #: From when on it counts (UTC).
    at: datetime
    #: Net of what was given back; negative where more came back than was charged.
    charged: Money
    would_be: Money


def prorated_changes(history: History, own: OwnAmounts) -> Iterator[ProratedChange]:
    """Every change within a period, oldest first of each subscription.

    Left out are changes that begin a new period or wait for one, as nothing is prorated there, and those under a
    discount, which the provider prorates whatever the rule.
    """
    for seen in history.known.all(SubscriptionSeen):
        invoices = history.known.invoices_of(seen.id)
        counted: set[InvoiceLineSeen] = set()
        stages = history.stages(SubscriptionSeen, seen.id)
        for before, after in pairwise(stages):
            made = _change(before, after, history)
            if made is not None:
                yield _prorated(made, invoices, counted, own)


@frozen(kw_only=True)
class _Change:
    subscription_id: str
    at: datetime
    period: Period
    price: Money


def _change(before: Stage[SubscriptionSeen], after: Stage[SubscriptionSeen], history: History) -> _Change | None:
    (old, new), running = (_item(one.seen) for one in (before, after)), before.seen.status == "active"
    if old is None or new is None or not running or before.seen.discount_ids or after.seen.discount_ids:
        return None
    changed = (old.price_id, old.quantity) != (new.price_id, new.quantity)
    same_period = (old.period_start, old.period_end) == (new.period_start, new.period_end)
    price = _price(new, after.at, history)
    if not (changed and same_period and price and old.period_start and old.period_end):
        return None
    return _Change(
        subscription_id=after.seen.id,
        at=after.at,
        period=Period(old.period_start, old.period_end),
        price=price.times(new.quantity),
    )


def _item(seen: SubscriptionSeen) -> ItemSeen | None:
    return seen.items[0] if len(seen.items) == 1 else None


def _price(item: ItemSeen, at: datetime, history: History) -> Money | None:
    """What one piece of it costs; nothing where the provider tells no amount."""
    if item.terms is not None:
        return Money(item.terms.amount or 0, item.terms.currency)
    plan = history.catalog.plan_for(item.price_id, at)
    return plan.price if plan is not None else None


def _prorated(
    made: _Change, invoices: Sequence[InvoiceSeen], counted: set[InvoiceLineSeen], own: OwnAmounts
) -> ProratedChange:
    mine = [line for invoice in invoices if invoice.status in {"open", "paid"} for line in invoice.lines]
    mine = [line for line in mine if line not in counted and _may_be_of(line, made)]
    at = max((line.period_start for line in mine), default=made.at)
    mine = [line for line in mine if line.period_start == at]
    counted.update(mine)
    billed = billed_ahead(_without(invoices, mine, made.at), at)
    lines = own_lines(billed, made.price, made.period, at, own)
    currency = made.price.currency
    return ProratedChange(
        subscription_id=made.subscription_id,
        at=at,
        charged=Money(sum(line.amount - line.discount for line in mine), currency),
        would_be=Money(sum(line.amount.amount for line in lines), currency),
    )


def _may_be_of(line: InvoiceLineSeen, made: _Change) -> bool:
    """Whether a line prorates this change: from about then to the end of its period, and not all of the period."""
    whole = line.period_start == made.period.start and not line.proration and line.amount >= 0
    return made.at - _PREVIEW_LIFE <= line.period_start <= made.at and line.period_end == made.period.end and not whole


def _without(invoices: Iterable[InvoiceSeen], mine: Sequence[InvoiceLineSeen], at: datetime) -> Iterator[InvoiceSeen]:
    """What had been billed before a change: not its own invoice, nor any that came later."""
    for invoice in invoices:
        if invoice.created <= at and not any(line in mine for line in invoice.lines):
            yield invoice
