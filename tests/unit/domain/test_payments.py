"""One record per payment, and where its money is."""

from __future__ import annotations

from datetime import datetime
from itertools import permutations

import pytest
from attrs import evolve

from billing_core.domain.facts import InvoiceLineSeen, InvoicePaymentSeen, Snapshot
from billing_core.domain.payments import Payment, PaymentContext, PaymentStatus, settlement_of
from tests.builders import BASIC, CUSTOMER, PRO, account, day, order, our_id, seen, told, usd
from tests.provider_objects import (
    charge,
    customer,
    dispute,
    invoice,
    line,
    method,
    payment,
    refund,
    session,
    subscription,
)

BASIC_PRICE = BASIC.stripe_price_id or ""
DECLINED = payment("requires_payment_method", failure_code="card_declined")


def record(*objects: Snapshot) -> Payment:
    (found,) = account(seen(*objects), orders=[order()]).payments
    return found


def link(invoice_id: str = "in_1", payment_id: str | None = "pi_1", charge_id: str | None = None) -> InvoicePaymentSeen:
    return InvoicePaymentSeen(
        id="inpay_1",
        created=day(0),
        invoice_id=invoice_id,
        payment_id=payment_id,
        charge_id=charge_id,
        status="paid",
        amount_paid=2900,
        currency="usd",
    )


STATUSES: dict[str, tuple[tuple[Snapshot, ...], PaymentStatus]] = {
    "on its way": ((payment("processing"),), PaymentStatus.PROCESSING),
    "waiting for the customer": ((payment("requires_action"),), PaymentStatus.PROCESSING),
    "in a status that is not known": ((payment("on_hold"),), PaymentStatus.PROCESSING),
    "declined": ((DECLINED,), PaymentStatus.FAILED),
    "called off": ((payment("canceled"),), PaymentStatus.CANCELED),
    "made": ((payment(),), PaymentStatus.SUCCEEDED),
    "refunded in part": ((payment(), refund(1)), PaymentStatus.PARTIALLY_REFUNDED),
    "refunded": ((payment(), refund()), PaymentStatus.REFUNDED),
    "refunded in vain": ((payment(), refund(status="failed")), PaymentStatus.SUCCEEDED),
    "disputed": ((payment(), dispute()), PaymentStatus.DISPUTED),
    "asked about": ((payment(), dispute("warning_under_review")), PaymentStatus.SUCCEEDED),
    "disputed, and given back instead": ((payment(), dispute("charge_refunded")), PaymentStatus.SUCCEEDED),
    "won back": ((payment(), dispute("won")), PaymentStatus.SUCCEEDED),
    "prevented": ((payment(), dispute("prevented")), PaymentStatus.REFUNDED),
}


@pytest.mark.parametrize(("objects", "status"), STATUSES.values(), ids=STATUSES)
def test_a_payment_is_what_became_of_its_money(objects: tuple[Snapshot, ...], status: PaymentStatus) -> None:
    assert record(*objects).status is status


def test_every_status_is_among_them() -> None:
    assert {status for _, status in STATUSES.values()} == set(PaymentStatus)


@pytest.mark.parametrize("status", ["requires_payment_method", "requires_confirmation"])
def test_a_payment_that_nobody_tried_is_none(status: str) -> None:
    assert account(seen(payment(status))).payments == ()


def test_a_failure_is_named_by_what_the_bank_said_and_forgotten_once_it_works() -> None:
    assert record(DECLINED).failure_code == "card_declined"
    assert record(payment(failure_code="card_declined")).failure_code is None


def test_three_events_that_speak_of_one_payment_make_one_record() -> None:
    """payment_intent.succeeded, invoice.paid and invoice.payment_succeeded."""
    facts = [
        told("payment_intent.succeeded", payment(amount=2900), day(0)),
        told("invoice.paid", invoice(payment_id="pi_1"), day(0)),
        told("invoice.payment_succeeded", invoice(payment_id="pi_1"), day(0)),
    ]
    assert len({account(arrived).payments for arrived in permutations(facts)}) == 1
    assert len(account(facts).payments) == 1


def test_a_zero_invoice_makes_no_payment() -> None:
    assert account(seen(subscription("trialing"), invoice(line(0, day(0), day(14))))).payments == ()


# ------------------------------------------------------------------------------------------------ what it was for
def test_a_payment_for_an_order_says_so() -> None:
    row = record(session(), payment())
    assert row.context == PaymentContext(purchase_id=order().id, resource_type="course", resource_id="k8s-101")
    assert row.description == "Kubernetes 101"


@pytest.mark.parametrize(
    "linked",
    [
        pytest.param((invoice(), link()), id="by-the-invoice-payment"),
        pytest.param((invoice(), charge(), link(payment_id=None, charge_id="ch_1")), id="by-its-charge"),
        pytest.param((invoice(payment_id="pi_1"),), id="as-older-invoices-say"),
    ],
)
def test_a_payment_for_a_renewal_says_which_subscription_and_invoice(linked: tuple[Snapshot, ...]) -> None:
    row = record(subscription(), payment(amount=2900), *linked)
    assert row.context == PaymentContext(subscription_id=our_id(subscription()), plan_id=PRO.id)
    assert (row.invoice_id, row.stripe_invoice_id) == (our_id(invoice()), "in_1")


@pytest.mark.parametrize(
    ("lines", "paid_for"),
    [
        pytest.param((line(900, day(0), day(31), price=BASIC_PRICE),), BASIC.id, id="the-plan-before"),
        pytest.param(
            (line(-900, day(0), day(31), price=BASIC_PRICE, proration=True), line(2900, day(0), day(31))),
            PRO.id,
            id="the-change-itself",
        ),
        pytest.param(
            (line(400, day(0), day(31), price=BASIC_PRICE, proration=True), line(2900, day(31), day(62))),
            PRO.id,
            id="the-month-to-come",
        ),
        pytest.param((line(900, day(0), day(31), price="price_of_no_plan"),), PRO.id, id="of-no-plan-the-present-one"),
        pytest.param((line(1, day(0), day(31), price=BASIC_PRICE),), BASIC.id, id="for-a-cent"),
        pytest.param(
            (line(900, day(0), day(31), price=BASIC_PRICE), line(0, day(31), day(62))), BASIC.id, id="not-what-is-free"
        ),
        pytest.param(
            (line(900, day(0), day(31), price=BASIC_PRICE), line(-900, day(0), day(62))), BASIC.id, id="nor-a-credit"
        ),
        pytest.param(
            (line(900, day(0), day(31), price=BASIC_PRICE), evolve(line(50, day(0), day(62)), price_id=None)),
            BASIC.id,
            id="nor-what-has-no-price",
        ),
        pytest.param((line(0, day(0), day(31), price=BASIC_PRICE),), PRO.id, id="nothing-charged-the-present-one"),
    ],
)
def test_a_payment_names_the_plan_that_it_was_for(lines: tuple[InvoiceLineSeen, ...], paid_for: str) -> None:
    """Not the one that the subscription has by now, which is Pro."""
    row = record(subscription(), payment(amount=900), invoice(*lines), link())
    assert row.context is not None
    assert row.context.plan_id == paid_for


def test_what_a_payment_was_for_is_open_until_the_link_is_known() -> None:
    row = record(subscription(), payment(), invoice())
    assert (row.context, row.invoice_id) == (None, None)


def test_a_renewal_is_paid_when_its_invoice_says() -> None:
    """Not when the charge was made, nor when we heard of it."""
    of_january = invoice(line(2900, day(0), day(31)), created=day(3))
    assert record(subscription(), payment(), charge(created=day(2)), of_january, link()).paid_at == day(3)


def test_a_refund_names_its_payment_and_what_that_was_for() -> None:
    (row,) = account(seen(session(), payment(), refund(1000)), orders=[order()]).refunds
    assert (row.payment_id, row.purchase_id, row.amount) == (our_id(payment()), order().id, usd(1000))


def test_a_refund_of_a_payment_that_is_not_known_yet_waits() -> None:
    assert account(seen(refund())).refunds == ()


def test_a_refund_that_names_only_the_charge_finds_its_payment() -> None:
    by_charge = refund(payment_id=None, charge_id="ch_1")
    assert record(payment(), charge(), by_charge).status is PaymentStatus.REFUNDED


# ----------------------------------------------------------------------------------------------- when it was paid
@pytest.mark.parametrize(
    ("objects", "paid"),
    [
        pytest.param((payment(),), day(0), id="when-it-succeeded"),
        pytest.param((payment(), charge(created=day(2))), day(2), id="when-its-charge-was-made"),
        pytest.param(
            (payment(), charge(status="failed", created=day(1)), charge(identity="ch_2", created=day(2))),
            day(2),
            id="not-when-an-earlier-try-failed",
        ),
        pytest.param((payment(), charge(status="failed", created=day(1))), day(0), id="while-no-charge-is-known"),
        pytest.param((payment(), invoice(status="open", created=day(3)), link()), day(0), id="not-by-an-open-invoice"),
        pytest.param((payment("processing"),), None, id="not-while-it-is-on-its-way"),
        pytest.param((payment("canceled"), charge(status="failed")), None, id="never"),
    ],
)
def test_when_a_payment_was_paid(objects: tuple[Snapshot, ...], paid: datetime | None) -> None:
    assert record(*objects).paid_at == paid


def test_a_charge_that_was_pending_is_paid_when_the_payment_succeeded() -> None:
    """A bank debit: charged on day 1, there on day 4."""
    facts = [
        told("charge.pending", charge(status="pending", created=day(1)), day(1)),
        told("charge.succeeded", charge(created=day(1)), day(4)),
        told("payment_intent.succeeded", payment(), day(4)),
    ]
    (row,) = account(facts).payments
    assert row.paid_at == day(4)


# ------------------------------------------------------------------------------- where its money is, and since when
@pytest.mark.parametrize(
    ("objects", "refunded", "disputed"),
    [
        # of 49.00
        pytest.param((refund(900), refund(1000, identity="re_2")), 1900, 0, id="two-refunds"),
        pytest.param((refund(4000), refund(4000, identity="re_2")), 4900, 0, id="never-more-than-was-captured"),
        pytest.param((refund(900), refund(1000, "failed", identity="re_2")), 900, 0, id="one-failed"),
        pytest.param((charge(refunded=1500), refund(1000)), 1500, 0, id="the-charge-tells-of-more"),
        pytest.param((charge(refunded=1000), refund(1000, "failed")), 0, 0, id="the-charge-is-older-than-the-failure"),
        pytest.param((charge(refunded=500), refund(1000)), 1000, 0, id="the-charge-tells-of-less"),
        pytest.param(
            (charge(status="failed"), charge(identity="ch_2", refunded=700)),
            700,
            0,
            id="of-two-charges-the-one-that-tells",
        ),
        pytest.param((dispute(amount=1000),), 0, 1000, id="a-dispute-of-a-part"),
        pytest.param((refund(4000), dispute(amount=4900)), 4000, 900, id="the-same-money-counts-once"),
        pytest.param((dispute("won"),), 0, 0, id="won-back"),
        pytest.param((dispute("warning_needs_response"),), 0, 0, id="an-inquiry"),
        pytest.param((dispute("prevented", 4900),), 0, 4900, id="prevented-leaves-the-refund-as-it-is"),
        pytest.param((dispute(amount=900), dispute("lost", 600, identity="dp_2")), 0, 1500, id="two-disputes"),
    ],
)
def test_captured_is_kept_and_refunded_and_disputed(
    objects: tuple[Snapshot, ...], refunded: int, disputed: int
) -> None:
    found = settlement_of(payment(), seen(payment(), *objects))
    assert (found.captured, found.refunded, found.disputed) == (usd(4900), usd(refunded), usd(disputed))
    assert found.kept == usd(4900 - refunded - disputed)


def test_of_what_was_not_captured_nothing_is_refunded_or_disputed() -> None:
    waiting = payment("processing")
    found = settlement_of(waiting, seen(waiting, refund(900), dispute()))
    assert (found.captured, found.refunded, found.disputed) == (usd(0), usd(0), usd(0))
    assert not found.fully_refunded


@pytest.mark.parametrize(
    ("objects", "refunded_at", "disputed_at"),
    [
        pytest.param(
            (refund(900, created=day(2)), refund(1, identity="re_2", created=day(3))), day(3), None, id="last-refund"
        ),
        pytest.param((refund(900, "failed", created=day(2)),), None, None, id="not-one-that-failed"),
        pytest.param((dispute("prevented", created=day(4)),), day(4), None, id="a-prevented-dispute-is-a-refund"),
        pytest.param(
            (dispute(created=day(5)), dispute("lost", identity="dp_2", created=day(4))),
            None,
            day(4),
            id="first-dispute",
        ),
        pytest.param((dispute("won", created=day(4)),), None, None, id="not-one-that-was-won"),
        pytest.param((charge(refunded=900, created=day(6)),), day(6), None, id="when-a-charge-first-told-of-it"),
        pytest.param(
            (charge(refunded=900, created=day(6)), refund(900, created=day(2))),
            day(2),
            None,
            id="unless-the-refund-is-known",
        ),
    ],
)
def test_since_when_its_money_is_gone(
    objects: tuple[Snapshot, ...], refunded_at: datetime | None, disputed_at: datetime | None
) -> None:
    found = settlement_of(payment(), seen(payment(), *objects))
    assert (found.refunded_at, found.disputed_at) == (refunded_at, disputed_at)


@pytest.mark.parametrize(
    ("codes", "shown"),
    [
        pytest.param({"failure_code": "card_declined", "decline_code": "lost_card"}, "lost_card", id="the-banks-own"),
        pytest.param({"failure_code": "card_declined"}, "card_declined", id="else-the-providers"),
        pytest.param({"decline_code": "lost_card"}, "lost_card", id="the-banks-alone"),
    ],
)
def test_a_failure_is_named_as_exactly_as_it_is_known(codes: dict[str, str], shown: str) -> None:
    row = record(evolve(payment("requires_payment_method"), **codes))  # type: ignore[arg-type] # parametrized
    assert (row.status, row.failure_code) == (PaymentStatus.FAILED, shown)


def test_what_the_provider_describes_comes_before_what_was_bought() -> None:
    assert record(session(), evolve(payment(), description="As told")).description == "As told"


# ------------------------------------------------------------------------------------------------ payment methods
def test_attached_methods_are_listed_and_the_default_is_marked() -> None:
    rows = account(
        seen(customer(default_method="pm_2"), method("pm_1"), method("pm_2", created=day(1)))
    ).payment_methods
    assert [(row.id, row.is_default) for row in rows] == [("pm_1", False), ("pm_2", True)]


def test_a_detached_default_is_nobodys_default() -> None:
    rows = account(
        seen(customer(default_method="pm_1"), method("pm_1", attached=False), method("pm_2"))
    ).payment_methods
    assert [(row.id, row.is_default) for row in rows] == [("pm_2", False)]


def test_a_deleted_customer_has_no_methods() -> None:
    assert account(seen(customer(deleted=True), method())).payment_methods == ()


# ---------------------------------------------------------------------------------- refunds that only a charge tells of
@pytest.mark.parametrize(
    ("failed_on", "told_on", "refunded"),
    [
        pytest.param(9, 12, 4900, id="a-sum-that-is-told-later-is-of-another-one"),
        pytest.param(12, 9, 0, id="one-that-was-told-before-is-of-the-one-that-failed"),
        pytest.param(9, 9, 0, id="and-so-is-one-of-that-very-second"),
    ],
)
def test_a_refund_that_failed_is_in_no_sum_that_a_charge_tells_of_later(
    failed_on: int, told_on: int, refunded: int
) -> None:
    facts = [
        told("payment_intent.succeeded", payment(), day(0)),
        told("charge.refund.updated", refund(status="failed"), day(failed_on)),
        told("charge.refunded", charge(refunded=4900), day(told_on)),
    ]
    (row,) = account(facts).payments
    assert row.amount_refunded == usd(refunded)


def test_money_that_paid_for_nothing_goes_back_and_no_payment_hears_of_it() -> None:
    of_balance = evolve(refund(payment_id=None), customer_id=CUSTOMER)
    found = account(seen(payment(), of_balance))
    assert (found.payments[0].amount_refunded, found.refunds) == (usd(0), ())


def test_what_is_not_paid_whole_is_not_captured_though_a_part_was_received() -> None:
    """A bank transfer of which half is there."""
    assert record(evolve(payment("requires_action"), amount_received=2000), refund(500)).amount_refunded == usd(0)
