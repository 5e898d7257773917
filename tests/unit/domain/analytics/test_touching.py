"""What is to be looked at again when something is told of an object: nothing that may have changed is left out."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.analytics.touching import Touched, everything, touched_by
from billing_core.domain.facts import (
    CouponSeen,
    DiscountSeen,
    InvoicePaymentSeen,
    ObjectKind,
    ObjectRef,
    Snapshot,
)
from billing_core.domain.known import Known
from tests.builders import CUSTOMER, START, seen
from tests.provider_objects import charge, customer, dispute, invoice, payment, refund, subscription

NOTHING = Touched(payments=frozenset(), invoices=frozenset(), subscriptions=frozenset(), billed=frozenset())
DISCOUNT = DiscountSeen(id="di_1", created=START, customer_id=CUSTOMER, coupon_id="c")
LINK = InvoicePaymentSeen(
    id="inpay_1", created=START, invoice_id="in_1", payment_id="pi_1", status="paid", currency="usd"
)


def touched(told: Snapshot, *beside: Snapshot) -> Touched:
    """What is touched when something is told of the first of these."""
    known = seen(told, *beside)
    state = known.state_of(told)
    assert state is not None
    return touched_by([state.ref], known)


# ------------------------------------------------------------------------------------------- whose money may have moved
@pytest.mark.parametrize(
    "objects",
    [
        pytest.param((payment(),), id="the-payment"),
        pytest.param((charge(),), id="its-charge"),
        pytest.param((evolve(charge(), payment_id=None), payment(charge_id="ch_1")), id="a-charge-that-it-names"),
        pytest.param((refund(),), id="a-refund-of-it"),
        pytest.param((refund(payment_id=None, charge_id="ch_1"), charge()), id="a-refund-of-its-charge"),
        pytest.param((dispute(),), id="a-dispute-of-it"),
        pytest.param((LINK,), id="what-links-it-to-an-invoice"),
        pytest.param((evolve(LINK, payment_id=None, charge_id="ch_1"), charge()), id="what-links-its-charge"),
        pytest.param((invoice(payment_id="pi_1"),), id="an-invoice-that-names-it"),
        pytest.param((evolve(invoice(), charge_id="ch_1"), charge()), id="an-invoice-that-names-its-charge"),
        pytest.param((invoice(), evolve(payment(), invoice_id="in_1")), id="the-invoice-that-it-names"),
        pytest.param((invoice(), payment(), LINK), id="the-invoice-that-it-is-linked-to"),
    ],
)
def test_a_payment_is_touched_by(objects: tuple[Snapshot, ...]) -> None:
    assert touched(*objects).payments == {"pi_1"}


@pytest.mark.parametrize("other", [customer(), subscription(), DISCOUNT, invoice()], ids=lambda one: type(one).__name__)
def test_no_payment_is_touched_by(other: Snapshot) -> None:
    assert touched(other, payment()).payments == frozenset()


# ----------------------------------------------------------------------------------------- and what hangs on it beside
def test_an_invoice_touches_itself_and_its_subscription_where_it_has_one() -> None:
    assert touched(invoice()) == evolve(NOTHING, invoices=frozenset({"in_1"}), billed=frozenset({"sub_1"}))
    assert touched(invoice(subscription_id=None)) == evolve(NOTHING, invoices=frozenset({"in_1"}))


def test_a_payment_touches_the_subscription_that_it_was_for() -> None:
    found = touched(payment(), invoice(), LINK)
    assert found == evolve(NOTHING, payments=frozenset({"pi_1"}), paid_for={"pi_1": frozenset({"sub_1"})})


@pytest.mark.parametrize("told", [DISCOUNT, CouponSeen(id="c", created=START, duration="forever")])
def test_a_discount_or_its_coupon_may_lessen_whatever_there_is(told: Snapshot) -> None:
    assert touched(told) == evolve(NOTHING, discounts=True)


def test_what_several_touch_is_touched() -> None:
    known = seen(DISCOUNT, subscription(), invoice(), invoice(identity="in_2", subscription_id="sub_2"), payment())
    named = [("discount", "di_1"), ("subscription", "sub_1"), ("invoice", "in_1"), ("invoice", "in_2")]
    expected = evolve(
        NOTHING,
        invoices=frozenset({"in_1", "in_2"}),
        subscriptions=frozenset({"sub_1"}),
        billed=frozenset({"sub_1", "sub_2"}),
        discounts=True,
    )
    for order in (named, named[::-1]):
        assert touched_by([ObjectRef(ObjectKind(kind), name) for kind, name in order], known) == expected
    assert everything(known) == evolve(expected, payments=frozenset({"pi_1"}))


def test_what_was_linked_before_is_touched_as_what_is_now() -> None:
    """A payment that was said to be for one invoice, and is for another."""
    bills = (invoice(), invoice(identity="in_2", subscription_id="sub_2"))
    before = seen(*bills, evolve(payment(), invoice_id="in_1"))
    now = seen(*bills, evolve(payment(), invoice_id="in_2"))
    found = touched_by([ObjectRef(ObjectKind.PAYMENT, "pi_1")], before, Known(), now)
    assert found.paid_for == {"pi_1": frozenset({"sub_1", "sub_2"})}
