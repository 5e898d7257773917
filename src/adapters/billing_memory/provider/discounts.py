"""Coupons and promotion codes of the fake provider, and what they take off its invoices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from attrs import evolve, field, frozen

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import CouponSeen, DiscountSeen, InvoiceLineSeen, SubscriptionSeen
from billing_core.domain.money import round_half_even
from billing_core.domain.periods import BillingCalendar, Interval
from billing_core.domain.promotions import Promotion
from billing_memory.provider.world import World

__all__ = ["Discounts"]

_WHOLE_BASIS_POINTS = 10_000


@frozen
class Discounts:
    """Who has which discount. A subscription has one code at most."""

    world: World
    #: The codes that can be redeemed, by what customers type in.
    codes: dict[str, Promotion] = field(factory=dict)

    def offer(self, code: str, coupon: CouponSeen) -> Promotion:
        """Somebody makes a promotion code in the dashboard."""
        self.world.tell("coupon.created", coupon)
        self.codes[code] = Promotion(id=self.world.new_id("promo"), code=code, coupon=coupon)
        return self.codes[code]

    def redeemable(self, promotion_id: str) -> Promotion:
        """The code with this id. Raises `ProviderRefused` where there is none."""
        found = next((one for one in self.codes.values() if one.id == promotion_id), None)
        if found is None:
            raise ProviderRefused(f"No such promotion code: {promotion_id!r}.", code="resource_missing")
        return found

    def apply(self, subscription: SubscriptionSeen, promotion: Promotion) -> SubscriptionSeen:
        """The subscription with this code in place of whatever it had; told by whoever asked."""
        self._end(subscription.discount_ids)
        now, coupon = self.world.now(), promotion.coupon
        calendar = BillingCalendar(anchor=now, interval=Interval.MONTH)
        discount = DiscountSeen(
            id=self.world.new_id("di"),
            created=now,
            customer_id=subscription.customer_id,
            subscription_id=subscription.id,
            coupon_id=coupon.id,
            end=calendar.boundary(coupon.duration_months) if coupon.duration_months else None,
        )
        self.world.tell("customer.discount.created", discount)
        return evolve(subscription, discount_ids=(discount.id,))

    def remove(self, subscription: SubscriptionSeen) -> SubscriptionSeen:
        """The subscription without any; told by whoever asked."""
        self._end(subscription.discount_ids)
        return evolve(subscription, discount_ids=())

    def has(self, subscription: SubscriptionSeen, promotion_id: str) -> bool:
        """Whether it has what this code gives."""
        held = {self.world.get(DiscountSeen, one).coupon_id for one in subscription.discount_ids}
        return self.redeemable(promotion_id).coupon.id in held

    def lessened(self, subscription: SubscriptionSeen, lines: Sequence[InvoiceLineSeen]) -> list[InvoiceLineSeen]:
        """The lines with what the running discounts take off them."""
        result = list(lines)
        for coupon in self._running(subscription):
            left = [max(0, line.amount - line.discount) for line in result]
            whole = min(coupon.amount_off or 0, sum(left))
            taken = 0
            for place, (line, amount) in enumerate(zip(result, left, strict=True)):
                if coupon.percent_off_basis_points is not None:
                    off = round_half_even(Fraction(amount * coupon.percent_off_basis_points, _WHOLE_BASIS_POINTS))
                else:
                    rest = sum(left[place:])
                    off = round_half_even(Fraction((whole - taken) * amount, rest)) if rest else 0
                    taken += off
                result[place] = evolve(line, discount=line.discount + off)
        return result

    def use_up(self, subscription: SubscriptionSeen) -> None:
        """After an invoice: what counts once is over. The subscription goes on naming it, which takes nothing off."""
        self._end(
            one
            for one in subscription.discount_ids
            if self._coupon(self.world.get(DiscountSeen, one)).duration == "once"
        )

    def _running(self, subscription: SubscriptionSeen) -> Iterable[CouponSeen]:
        for identity in subscription.discount_ids:
            discount = self.world.get(DiscountSeen, identity)
            if not discount.deleted and (discount.end is None or self.world.now() < discount.end):
                yield self._coupon(discount)

    def _coupon(self, discount: DiscountSeen) -> CouponSeen:
        return self.world.get(CouponSeen, discount.coupon_id)

    def _end(self, discount_ids: Iterable[str]) -> None:
        for identity in discount_ids:
            discount = self.world.get(DiscountSeen, identity)
            if not discount.deleted:
                self.world.tell("customer.discount.deleted", evolve(discount, deleted=True))
