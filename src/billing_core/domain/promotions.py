"""Promotions: codes that customers know, the coupons behind them, and who has used one up.

A person redeems a coupon once. What they have redeemed is read from the discounts that the provider told of, so that
it is the same whoever gave the discount: the checkout, our API or the Dashboard.
"""

from __future__ import annotations

from attrs import frozen

from billing_core.domain.disputes import Standing
from billing_core.domain.errors import InvalidTransition, InvalidValue
from billing_core.domain.facts import CouponSeen, DiscountSeen, InvoiceSeen, SubscriptionSeen
from billing_core.domain.known import Known
from billing_core.domain.payments import settlement_of
from billing_core.domain.subscriptions import TERMINAL, Subscription

__all__ = ["Promotion", "require_no_change_waits", "require_unspent", "spent_coupons"]


@frozen(kw_only=True)
class Promotion:
    """A promotion code that can be redeemed, and what it takes off."""

    #: The provider's id of the code.
    id: str
    #: What customers type in.
    code: str
    coupon: CouponSeen


def spent_coupons(known: Known) -> frozenset[str]:
    """The ids of the coupons that this customer has redeemed and may not redeem again.

    A full refund gives one back, unless it was made to prevent a dispute (domain rule 3, polar#13394). So does a
    discount that is over before it lessened any invoice.
    """
    return frozenset(discount.coupon_id for discount in known.all(DiscountSeen) if _is_spent(discount, known))


def _is_spent(discount: DiscountSeen, known: Known) -> bool:
    lessened = [invoice for invoice in known.invoices_of(discount.subscription_id or "") if _lessens(discount, invoice)]
    if lessened:
        return not all(_was_given_back(invoice, known) for invoice in lessened)
    owner = known.seen(SubscriptionSeen, discount.subscription_id)
    return not (discount.deleted or (owner is not None and owner.status in TERMINAL))


def _lessens(discount: DiscountSeen, invoice: InvoiceSeen) -> bool:
    """Whether the discount took something off an invoice that was paid; no line names whose part it is."""
    runs = discount.created <= invoice.created and (discount.end is None or invoice.created < discount.end)
    return runs and invoice.status == "paid" and any(line.discount for line in invoice.lines)


def _was_given_back(invoice: InvoiceSeen, known: Known) -> bool:
    """Whether the customer has all of an invoice's money back by refunds, none of which prevented a dispute."""
    settlements = [settlement_of(payment, known) for payment in known.payments_of(invoice)]
    captured = [one for one in settlements if one.captured.amount]
    return bool(captured) and all(
        one.refunded.amount >= one.captured.amount and Standing.PREVENTED not in one.standings for one in captured
    )


def require_unspent(promotion: Promotion, known: Known) -> None:
    """Raises `InvalidValue` for a code whose coupon the customer has redeemed."""
    if promotion.coupon.id in spent_coupons(known):
        raise InvalidValue(
            f"The code {promotion.code!r} was redeemed by this customer before; everybody has it once.",
            field="promotion_code",
        )


def require_no_change_waits(subscription: Subscription) -> None:
    """Raises `InvalidTransition` while a change of plan waits: what it will bring keeps the discounts of its day."""
    if subscription.pending_change is not None:
        raise InvalidTransition("A change of plan is pending. Take it back first, or wait until it is done.")
