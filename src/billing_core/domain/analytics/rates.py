"""Monthly rates: what the items of a subscription come to per month, net of the discounts that run.

Computed exactly, as fractions, and rounded once, half to even, to whole micros (millionths of a minor unit): a
yearly price is a twelfth of it per month, a weekly one 4.348125 of it (400 years have 20,871 weeks and 4,800
months). What is rounded away is at most half a millionth of a minor unit per subscription, and since everything
after that is whole numbers, movements balance exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from fractions import Fraction

from attrs import frozen

from billing_core.domain.analytics.entries import MICROS
from billing_core.domain.analytics.histories import History, Stage
from billing_core.domain.facts import CouponSeen, DiscountSeen, ItemSeen, PriceTerms, SubscriptionSeen
from billing_core.domain.money import round_half_even
from billing_core.domain.periods import BillingCalendar, Interval, months_in
from billing_core.domain.plans import Catalog

__all__ = ["Discounts", "Rate", "monthly_rate", "net_per_month"]

_WHOLE_BASIS_POINTS = 10_000


@frozen
class Rate:
    """What one price of a subscription comes to per month."""

    price_id: str
    currency: str
    #: Micros of a minor unit.
    micros: int


def net_per_month(priced: Sequence[tuple[PriceTerms, int]], coupons: Iterable[CouponSeen]) -> tuple[Fraction, ...]:
    """Minor units per month of each (terms, quantity), after the coupons were taken off one after the other.

    A percentage comes off each; an amount off the whole of one invoice, shared out by what is left of each, in its
    own currency alone and never below nothing.
    """
    left = [Fraction((terms.amount or 0) * quantity) for terms, quantity in priced]
    for coupon in coupons:
        if coupon.percent_off_basis_points is not None:
            kept = Fraction(_WHOLE_BASIS_POINTS - coupon.percent_off_basis_points, _WHOLE_BASIS_POINTS)
            left = [amount * kept for amount in left]
        elif coupon.amount_off is not None:
            own = [terms.currency == coupon.currency for terms, _ in priced]
            whole = sum((amount for amount, ours in zip(left, own, strict=True) if ours), Fraction(0))
            kept = max(Fraction(0), 1 - coupon.amount_off / whole) if whole else Fraction(1)
            left = [amount * kept if ours else amount for amount, ours in zip(left, own, strict=True)]
    return tuple(
        amount / months_in(terms.interval, terms.interval_count)
        for amount, (terms, _) in zip(left, priced, strict=True)
    )


class Discounts:
    """The discounts of one customer, and when each runs."""

    def __init__(self, history: History) -> None:
        self._stages = {seen.id: history.stages(DiscountSeen, seen.id) for seen in history.known.all(DiscountSeen)}
        self._history = history

    def moments(self) -> set[datetime]:
        """When anything about them changes."""
        found = {stage.at for stages in self._stages.values() for stage in stages}
        return found | {end for stages in self._stages.values() if (end := self._end(stages[-1]))}

    def running(self, seen: SubscriptionSeen, at: datetime) -> tuple[CouponSeen, ...]:
        """What is taken off each invoice of a subscription at a moment; what counts once is no part of it."""
        named = seen.discount_ids or tuple(
            name for name, stages in self._stages.items() if stages[-1].seen.subscription_id is None
        )
        coupons = (self._coupon(name, at) for name in named)
        return tuple(coupon for coupon in coupons if coupon is not None and coupon.duration != "once")

    def facts(self, at: datetime) -> tuple[str, ...]:
        """The facts of exactly this moment."""
        return tuple(
            fact for stages in self._stages.values() for stage in stages if stage.at == at for fact in stage.facts
        )

    def _coupon(self, discount_id: str, at: datetime) -> CouponSeen | None:
        stage = _latest(self._stages.get(discount_id, ()), at)
        if stage is None or stage.seen.deleted:
            return None
        end = self._end(stage)
        return None if end is not None and end <= at else self._history.coupon_of(stage.seen)

    def _end(self, stage: Stage[DiscountSeen]) -> datetime | None:
        seen = stage.seen
        coupon = self._history.coupon_of(seen)
        if seen.end is not None or coupon is None or coupon.duration != "repeating" or not coupon.duration_months:
            return seen.end
        return BillingCalendar(anchor=seen.created, interval=Interval.MONTH).boundary(coupon.duration_months)


def _latest(stages: Sequence[Stage[DiscountSeen]], at: datetime) -> Stage[DiscountSeen] | None:
    """The stage in force; the first one holds from the discount's own beginning, however late it was told."""
    passed = [stage for stage in stages if stage.at <= at]
    if passed:
        return passed[-1]
    return stages[0] if stages and stages[0].seen.created <= at else None


def monthly_rate(seen: SubscriptionSeen, coupons: Sequence[CouponSeen], catalog: Catalog) -> tuple[Rate, ...]:
    """What each price of a subscription comes to per month. A price without an amount comes to nothing."""
    priced = [(item, terms) for item in seen.items if (terms := _terms(item, catalog, seen.created)) is not None]
    net = net_per_month([(terms, item.quantity) for item, terms in priced], coupons)
    return tuple(
        Rate(item.price_id, terms.currency, round_half_even(amount * MICROS))
        for (item, terms), amount in zip(priced, net, strict=True)
    )


def _terms(item: ItemSeen, catalog: Catalog, agreed_at: datetime) -> PriceTerms | None:
    if item.terms is not None:
        return item.terms
    plan = catalog.plan_for(item.price_id, agreed_at)
    if plan is None:
        return None
    return PriceTerms(
        amount=plan.price.amount,
        currency=plan.price.currency,
        interval=plan.interval,
        interval_count=plan.interval_count,
    )
