"""Who has used a coupon up: everybody has it once, and a full refund gives it back (domain rule 3)."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.errors import InvalidTransition, InvalidValue
from billing_core.domain.facts import CouponSeen, DiscountSeen, InvoiceSeen, Snapshot
from billing_core.domain.promotions import Promotion, require_no_change_waits, require_unspent, spent_coupons
from billing_core.domain.subscriptions import PendingChange
from tests.builders import CUSTOMER, START, account, day, looked_up, seen
from tests.provider_objects import dispute, invoice, line, payment, refund, subscription

COUPON = CouponSeen(id="SPRING", created=START, percent_off_basis_points=5000, duration="forever")
CODE = Promotion(id="promo_1", code="SPRING26", coupon=COUPON)
DISCOUNT = DiscountSeen(id="di_1", created=START, customer_id=CUSTOMER, subscription_id="sub_1", coupon_id="SPRING")


def bought(identity: str = "in_1", payment_id: str = "pi_1", number: float = 0) -> tuple[InvoiceSeen, Snapshot]:
    """A month at half of 29 dollars: an invoice with its payment."""
    half = evolve(line(2900, day(number), day(number + 31)), discount=1450)
    paid = evolve(invoice(half, identity=identity, created=day(number), payment_id=payment_id), amount_paid=1450)
    return paid, payment(identity=payment_id, amount=1450, created=day(number))


FIRST, SECOND = bought(), bought("in_2", "pi_2", 31)
REFUNDED = refund(1450)
CASES = {
    "without a discount": ((subscription(), *FIRST), False),
    "on trial, before any invoice": ((subscription("trialing", trial_end=day(14)), DISCOUNT), True),
    "once an invoice cost less": ((subscription(), DISCOUNT, *FIRST), True),
    "when the discount is over since": ((subscription(), evolve(DISCOUNT, deleted=True), *FIRST), True),
    "after a full refund": ((subscription(), DISCOUNT, *FIRST, REFUNDED), False),
    "while the refund is under way": ((subscription(), DISCOUNT, *FIRST, refund(1450, "pending")), False),
    "after a refund that failed": ((subscription(), DISCOUNT, *FIRST, refund(1450, "failed")), True),
    "after a part came back": ((subscription(), DISCOUNT, *FIRST, refund(1449)), True),
    "after all parts came back": (
        (subscription(), DISCOUNT, *FIRST, refund(450), refund(1000, identity="re_2")), False,
    ),
    "after one of two months came back": ((subscription(), DISCOUNT, *FIRST, *SECOND, REFUNDED), True),
    "after a dispute was prevented": ((subscription(), DISCOUNT, *FIRST, dispute("prevented", 1450)), True),
    "after a refund that prevented a dispute": (
        (subscription(), DISCOUNT, *FIRST, REFUNDED, dispute("prevented", 1450)), True,
    ),
    "while disputed": ((subscription(), DISCOUNT, *FIRST, dispute(amount=1450)), True),
    "taken off before any invoice": ((subscription(), evolve(DISCOUNT, deleted=True)), False),
    "ended before any invoice": ((subscription("canceled", ended_at=day(3)), DISCOUNT), False),
    "that was never paid for": ((subscription("incomplete_expired"), DISCOUNT), False),
    "of a month before the discount": ((subscription(), evolve(DISCOUNT, created=day(5)), *FIRST), True),
    "that ran out before the invoice": (
        (subscription(), evolve(DISCOUNT, created=day(5), end=day(20), deleted=True), *SECOND), False,
    ),
    "that ran out at the moment of the invoice": (
        (subscription(), evolve(DISCOUNT, created=day(5), end=day(31), deleted=True), *SECOND), False,
    ),
    "that ran out a second after the invoice": (
        (subscription(), evolve(DISCOUNT, created=day(5), end=day(31, seconds=1), deleted=True), *SECOND), True,
    ),
    "that the customer has everywhere": ((subscription(), evolve(DISCOUNT, subscription_id=None)), True),
}  # fmt: skip


@pytest.mark.parametrize(("objects", "spent"), CASES.values(), ids=list(CASES))
def test_a_coupon_is_spent(objects: tuple[Snapshot, ...], *, spent: bool) -> None:
    assert ("SPRING" in spent_coupons(seen(*objects))) is spent


def test_a_code_whose_coupon_is_spent_is_refused_by_its_field() -> None:
    with pytest.raises(InvalidValue) as refused:
        require_unspent(CODE, seen(subscription(), DISCOUNT, *FIRST))
    assert refused.value.field == "promotion_code"
    require_unspent(CODE, seen(subscription(), DISCOUNT, *FIRST, REFUNDED))


def test_a_discount_does_not_change_while_a_change_of_plan_waits() -> None:
    (row,) = account([looked_up(subscription(), START)]).subscriptions
    require_no_change_waits(row)
    with pytest.raises(InvalidTransition):
        require_no_change_waits(
            evolve(row, pending_change=PendingChange(plan_id="basic-monthly", quantity=1, effective_at=day(31)))
        )
