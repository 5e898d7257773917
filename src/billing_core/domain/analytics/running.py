"""Running: the MRR of one subscription, moment by moment (domain rule 7).

What counts, and from when:

- an active subscription, at its current price net of the discounts that run; a trial counts nothing;
- one that is past due until its grace ends, counted from the first failure of the oldest bill that was owed then;
- not one whose latest paid period was refunded in full, or lost in a dispute: it leaves on that day, and comes
  back with the next period that is paid (or when the refund fails, or the dispute is won after all);
- not one whose collection is paused with ``void``, from the end of the period that was running;
- a cancellation that is scheduled changes nothing before its day, but the MRR is no longer *committed*.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from itertools import zip_longest

from attrs import evolve, frozen

from billing_core.domain.analytics.histories import History, Stage
from billing_core.domain.analytics.rates import Discounts, Rate, monthly_rate
from billing_core.domain.analytics.settling import Settling
from billing_core.domain.facts import InvoiceSeen, SubscriptionSeen
from billing_core.domain.invoices import coverage_of
from billing_core.domain.overdue import past_due_since_as_of
from billing_core.domain.policies import AccessPolicy
from billing_core.domain.subscriptions import TERMINAL, Status

__all__ = ["Running", "Step", "Workings"]


@frozen(kw_only=True)
class Step:
    """From ``at`` on, a subscription comes to this."""

    at: datetime
    rates: tuple[Rate, ...]
    #: Whether its end is not set.
    committed: bool
    facts: tuple[str, ...]


class Workings:
    """What was worked out about one subscription, and still holds when more is told about it."""

    def __init__(self) -> None:
        self.rates: dict[tuple[object, ...], tuple[Rate, ...]] = {}
        self._paid: list[InvoiceSeen] = []
        self._covering: list[tuple[InvoiceSeen, ...]] = []

    def covering(self, paid: list[InvoiceSeen]) -> list[tuple[InvoiceSeen, ...]]:
        """After each of these invoices was paid, in this order: those that paid for the latest period."""
        pairs = enumerate(zip(paid, self._paid, strict=False))
        same = next((number for number, (one, before) in pairs if one is not before), min(len(paid), len(self._paid)))
        coverages = [coverage_of(paid[: number + 1]) for number in range(same, len(paid))]
        self._covering = self._covering[:same] + [one.invoices if one else () for one in coverages]
        self._paid = paid
        return self._covering


class Running:
    """One subscription through time."""

    def __init__(
        self,
        seen: SubscriptionSeen,
        history: History,
        discounts: Discounts,
        settlings: Sequence[Settling],
        workings: Workings | None = None,
    ) -> None:
        self._history = history
        self._discounts = discounts
        self._stages = tuple(_ended_in_time(history.stages(SubscriptionSeen, seen.id)))
        self._invoices = [one for one in history.known.invoices_of(seen.id) if one.status == "paid"]
        self._settlings = {settling.payment.id: settling for settling in settlings}
        self._workings = workings or Workings()

    def steps(self) -> Iterator[Step]:
        """How its MRR changed, oldest first; nothing before it began to count."""
        rates: tuple[Rate, ...] = ()
        committed = False
        for moment in self._moments():
            now = self._at(moment)
            if now is None:
                continue
            stage, counted = now
            holds = bool(counted) and not _is_ending(stage.seen)
            if (counted, holds) != (rates, committed):
                yield Step(at=moment, rates=counted, committed=holds, facts=self._facts(stage, moment))
            rates, committed = counted, holds

    def _moments(self) -> list[datetime]:
        found = {stage.at for stage in self._stages} | self._discounts.moments()
        found |= set(self._graces())
        found |= set(self._voids.values())
        found |= {moment for start, end in self._undone for moment in (start, end) if moment is not None}
        return sorted(found)

    def _at(self, moment: datetime) -> tuple[Stage[SubscriptionSeen], tuple[Rate, ...]] | None:
        """The subscription at a moment, and what it comes to then; None before it began."""
        number = bisect_right(self._stages, moment, key=lambda stage: stage.at)
        if not number:
            return None
        stage = self._stages[number - 1]
        return stage, self._rates_of(stage.seen, moment) if self._counts(stage, moment) else ()

    def _counts(self, stage: Stage[SubscriptionSeen], moment: datetime) -> bool:
        status = stage.seen.status
        if status == Status.PAST_DUE:
            if moment >= self._grace_end(stage, moment):
                return False
        elif status != Status.ACTIVE:
            return False
        end = self._voids.get(stage.at)
        voided = end is not None and moment >= end
        return not voided and not any(start <= moment and (end is None or moment < end) for start, end in self._undone)

    def _rates_of(self, seen: SubscriptionSeen, moment: datetime) -> tuple[Rate, ...]:
        coupons = self._discounts.running(seen, moment)
        key = (seen.items, seen.created, coupons)
        if key not in self._workings.rates:
            rates = monthly_rate(seen, coupons, self._history.catalog)
            self._workings.rates[key] = tuple(rate for rate in rates if rate.micros)
        return self._workings.rates[key]

    def _graces(self) -> Iterator[datetime]:
        """When what is past due may begin to count or cease to: a bill was paid, or the grace of one is over."""
        paid = [one.paid_at for one in self._invoices if one.paid_at is not None]
        for stage, following in zip_longest(self._stages, self._stages[1:]):
            if stage.seen.status != Status.PAST_DUE:
                continue
            for moment in [stage.at, *(at for at in paid if stage.at < at and (not following or at < following.at))]:
                yield moment
                yield self._grace_end(stage, moment)

    def _grace_end(self, stage: Stage[SubscriptionSeen], moment: datetime) -> datetime:
        plans = (self._history.catalog.plan_for(item.price_id, stage.seen.created) for item in stage.seen.items)
        policy = next((plan.access for plan in plans if plan is not None), AccessPolicy())
        bounds = stage.status_since, stage.status_not_before
        return past_due_since_as_of(moment, stage.seen.id, self._history.known, *bounds) + policy.grace

    def _facts(self, stage: Stage[SubscriptionSeen], moment: datetime) -> tuple[str, ...]:
        """The facts of this very moment, else those that brought the subscription to where it is."""
        money = [
            fact for one in self._settlings.values() for turn in one.turns if turn.at == moment for fact in turn.facts
        ]
        mine = stage.facts if stage.at == moment or not money else ()
        return tuple(sorted({*mine, *self._discounts.facts(moment), *money}))

    @cached_property
    def _voids(self) -> dict[datetime, datetime]:
        """By when a stage began in which collection is paused with ``void``: the end of the period it began in."""
        found: dict[datetime, datetime] = {}
        end: datetime | None = None
        for stage in self._stages:
            if stage.seen.pause_behavior != "void":
                end = None
                continue
            ends = max((item.period_end for item in stage.seen.items if item.period_end), default=stage.at)
            # A change of plan in the meantime may have shortened the period; one that began later is not paid.
            end = ends if end is None else min(end, ends) if stage.at < end else end
            found[stage.at] = end
        return found

    @cached_property
    def _undone(self) -> list[tuple[datetime, datetime | None]]:
        """When the latest paid period was given back: from, and until (None for: to this day)."""
        touched = [one for one in self._settlings.values() if one.was_touched]
        paid = sorted((one for one in self._invoices if one.paid_at), key=lambda one: one.paid_at or one.created)
        if not touched or not paid:
            return []
        times = [one.paid_at or one.created for one in paid]
        found: list[tuple[datetime, datetime | None]] = []
        covering = self._workings.covering(paid)
        for invoices, begins, ends in zip(covering, times, [*times[1:], None], strict=True):
            if ends != begins:
                found += _spans(self._settled(invoices), begins, ends)
        return found

    def _settled(self, invoices: Iterable[InvoiceSeen]) -> list[Settling]:
        payments = (payment for invoice in invoices for payment in self._history.known.payments_of(invoice))
        return [self._settlings[payment.id] for payment in payments if payment.id in self._settlings]


def _spans(
    covering: Sequence[Settling], begins: datetime, ends: datetime | None
) -> Iterator[tuple[datetime, datetime | None]]:
    """When, from ``begins`` until ``ends``, the money of a period was not ours."""
    captured = [one for one in covering if one.turns]
    moments = {
        moment for one in captured for moment in one.moments if moment > begins and (ends is None or moment < ends)
    }
    since: datetime | None = None
    for moment in [begins, *sorted(moments)]:
        refunded = bool(captured) and all(one.refunded_at(moment) for one in captured)
        undone = refunded or any(one.lost_at(moment) for one in captured)
        if undone and since is None:
            since = moment
        elif not undone and since is not None:
            yield since, moment
            since = None
    if since is not None:
        yield since, ends


def _is_ending(seen: SubscriptionSeen) -> bool:
    return seen.cancel_at_period_end or seen.cancel_at is not None


def _ended_in_time(stages: Iterable[Stage[SubscriptionSeen]]) -> Iterator[Stage[SubscriptionSeen]]:
    """The stages; the end at the moment that the subscription itself names, however late it was told."""
    previous: datetime | None = None
    for stage in stages:
        ended = stage.seen.ended_at if stage.seen.status in TERMINAL else None
        at = stage.at if ended is None or ended > stage.at else max(ended, previous or ended)
        yield evolve(stage, at=at)
        previous = at
