"""How the provider's objects hang together: in every shape in which one names another."""

from __future__ import annotations

import pytest
from attrs import evolve

from billing_core.domain.errors import InvalidValue
from billing_core.domain.facts import (
    Fact,
    InvoicePaymentSeen,
    Labels,
    ObjectKind,
    ObjectRef,
    SetupSeen,
    Snapshot,
    customer_of,
    labels_of,
    owners_of,
    wards_of,
)
from billing_core.domain.known import Known
from tests.builders import CUSTOMER, START, day, our_id, seen, told
from tests.provider_objects import charge, customer, dispute, invoice, method, payment, refund, session, subscription

LINK = InvoicePaymentSeen(
    id="inpay_1", created=START, invoice_id="in_1", payment_id="pi_1", status="paid", currency="usd"
)
PAID = payment()


# ------------------------------------------------------------------------------------ a payment, and what it was for
@pytest.mark.parametrize(
    "objects",
    [
        pytest.param((invoice(), PAID, LINK), id="by-an-invoice-payment"),
        pytest.param((invoice(), PAID, charge(), evolve(LINK, payment_id=None, charge_id="ch_1")), id="of-its-charge"),
        pytest.param((invoice(payment_id="pi_1"), PAID), id="the-invoice-names-the-payment"),
        pytest.param((evolve(invoice(), charge_id="ch_1"), PAID, charge()), id="the-invoice-names-the-charge"),
        pytest.param((invoice(), evolve(PAID, invoice_id="in_1")), id="the-payment-names-the-invoice"),
        pytest.param((invoice(), PAID, evolve(charge(), invoice_id="in_1")), id="the-charge-names-the-invoice"),
    ],
)
def test_a_payment_is_of_its_invoice_in_every_shape(objects: tuple[Snapshot, ...]) -> None:
    known = seen(*objects)
    assert known.invoice_of(PAID) == next(one for one in objects if one.id == "in_1")
    assert [one.id for one in known.payments_of(invoice())] == ["pi_1"]


def test_what_no_link_names_is_of_nothing() -> None:
    known = seen(invoice(), PAID)
    assert (known.invoice_of(PAID), known.payments_of(invoice())) == (None, [])
    assert (known.charges_of(PAID), known.refunds_of(PAID), known.disputes_of(PAID)) == ([], [], [])
    assert (known.invoices_of("sub_9"), known.sessions_for("order_9"), known.payment_for("order_9")) == ([], [], None)


def test_todays_link_wins_over_those_of_older_shapes() -> None:
    second = invoice(identity="in_2")
    assert seen(invoice(payment_id="pi_1"), second, PAID, evolve(LINK, invoice_id="in_2")).invoice_of(PAID) == second


# --------------------------------------------------------------------------- attempts, refunds, disputes of a payment
@pytest.mark.parametrize(
    "named",
    [
        pytest.param({"payment_id": "pi_1"}, id="by-the-payment"),
        pytest.param({"payment_id": None, "charge_id": "ch_1"}, id="by-the-charge-alone"),
    ],
)
@pytest.mark.parametrize(
    "beside",
    [
        pytest.param((payment(), charge()), id="the-charge-names-its-payment"),
        pytest.param((payment(charge_id="ch_1"), evolve(charge(), payment_id=None)), id="the-payment-names-its-charge"),
    ],
)
def test_refunds_and_disputes_are_of_the_payment_that_they_or_their_charge_name(
    named: dict[str, str | None], beside: tuple[Snapshot, ...]
) -> None:
    back, contested = evolve(refund(), **named), evolve(dispute(), **named)  # type: ignore[arg-type] # parametrized
    known = seen(*beside, back, contested)

    assert (known.refunds_of(payment()), known.disputes_of(payment())) == ([back], [contested])
    assert known.charges_of(payment()) == [beside[1]]
    assert known.payment_id_of(None, "ch_1") == "pi_1"


def test_of_several_the_oldest_comes_first_however_they_came() -> None:
    late, early = refund(1, identity="re_a", created=day(2)), refund(2, identity="re_b", created=day(1))
    late_try, early_try = charge(identity="ch_a", created=day(2)), charge(identity="ch_b", created=day(1))
    known = seen(payment(), late, early, late_try, early_try)

    assert (known.refunds_of(payment()), known.charges_of(payment())) == ([early, late], [early_try, late_try])


@pytest.mark.parametrize(
    ("told_of", "left"),
    [
        pytest.param([1900, 500], [500], id="told-by-a-refund"),
        pytest.param([1900, 1900], [1900], id="and-as-much-given-back"),
        pytest.param([500], [500], id="told-on-the-charge-alone"),
    ],
)
def test_what_was_let_go_of_and_never_captured_is_no_refund(told_of: list[int], left: list[int]) -> None:
    """49 dollars were authorised and 30 captured: 19 were let go."""
    partly = evolve(charge(amount=4900, refunded=1900), amount_captured=3000)
    refunds = [refund(amount, identity=f"re_{number}") for number, amount in enumerate(told_of)]
    assert [one.amount for one in seen(payment(), partly, *refunds).refunds_of(payment())] == left


def test_invoices_are_of_the_subscription_that_they_name() -> None:
    other = invoice(identity="in_2", subscription_id="sub_2")
    known = seen(invoice(), other, invoice(identity="in_3", subscription_id=None))

    assert (known.invoices_of("sub_1"), known.invoices_of("sub_2")) == ([invoice()], [other])


# ---------------------------------------------------------------------------------------------------------- an order
def test_an_orders_sessions_carry_its_id_or_are_what_it_was_made_of() -> None:
    carrying, stranger = session(labels=Labels(purchase_id="order_1")), session(identity="cs_2", labels=Labels())
    known = seen(carrying, stranger)

    assert known.sessions_for("order_1") == [carrying]
    assert known.sessions_for(our_id(stranger)) == [stranger]


def test_the_first_payment_that_carries_an_orders_id_is_its_payment() -> None:
    first, second = payment(purchase_id="order_1"), payment(identity="pi_0", purchase_id="order_1", created=day(1))
    assert seen(second, first, payment(identity="pi_9")).payment_for("order_1") == first


# ------------------------------------------------------------------------------------------------------ single objects
def test_an_object_is_found_by_kind_and_id() -> None:
    known = seen(customer(), payment())
    found = known.state(ObjectKind.PAYMENT, "pi_1")

    assert (found and found.snapshot, known.state_of(payment())) == (payment(), found)
    assert known.seen(type(payment()), "pi_1") == payment()
    assert known.status_since(payment()) == START
    assert [state.ref.id for state in known] == [CUSTOMER, "pi_1"]


def test_what_is_not_known_is_nothing() -> None:
    known = Known()
    assert (known.state(ObjectKind.PAYMENT, None), known.seen(type(payment()), "pi_1")) == (None, None)
    assert (known.customer(), known.status_since(payment()), list(known)) == (None, None, [])


def test_what_is_learned_of_an_object_stands_instead_of_what_was_known_and_the_rest_stays() -> None:
    before = seen(customer(), payment("processing"))
    after = before.and_also(seen(payment(), charge()))

    assert list(after.all(type(payment()))) == [payment()]
    assert [state.ref.id for state in after] == ["ch_1", CUSTOMER, "pi_1"]
    assert before.seen(type(payment()), "pi_1") == payment("processing")


def test_what_was_found_out_is_remembered_by_its_name() -> None:
    known = Known()
    finds = iter(["once", "again", "never"])
    assert [known.once(name, lambda: next(finds)) for name in ("a", "a", ("a", 1), "a")] == [
        "once", "once", "again", "once",
    ]  # fmt: skip


# ---------------------------------------------------------------------------------------- whose an object is, of facts
@pytest.mark.parametrize(
    ("one", "owners"),
    [
        pytest.param(refund(charge_id="ch_1"), ["payment_intent:pi_1", "charge:ch_1"], id="a-refund"),
        pytest.param(dispute(payment_id=None, charge_id="ch_1"), ["charge:ch_1"], id="a-dispute"),
        pytest.param(LINK, ["invoice:in_1", "payment_intent:pi_1"], id="an-invoice-payment"),
        pytest.param(evolve(charge(), invoice_id="in_1"), ["payment_intent:pi_1", "invoice:in_1"], id="a-charge"),
        pytest.param(session(subscription_id="sub_1"), ["subscription:sub_1", "payment_intent:pi_1"], id="a-session"),
        pytest.param(subscription(), [], id="what-names-its-customer"),
    ],
)
def test_an_object_that_names_no_customer_is_whose_what_it_names_is(one: Snapshot, owners: list[str]) -> None:
    assert [str(ref) for ref in owners_of(one)] == owners


@pytest.mark.parametrize(
    ("one", "wards"),
    [
        pytest.param(evolve(session(), customer_id=None), ["payment_intent:pi_1"], id="of-a-guest"),
        pytest.param(
            evolve(session(payment_id=None), customer_id=None, setup_id="seti_1"),
            ["setup_intent:seti_1"],
            id="of-a-card",
        ),
        pytest.param(session(), [], id="of-a-customer"),
        pytest.param(payment(charge_id="ch_1"), ["charge:ch_1"], id="of-a-payment"),
        pytest.param(payment(), [], id="without-a-charge"),
        pytest.param(invoice(), [], id="of-an-invoice"),
    ],
)
def test_what_is_made_at_a_guests_checkout_is_the_guests(one: Snapshot, wards: list[str]) -> None:
    assert [str(ref) for ref in wards_of(one)] == wards


def test_a_fact_names_its_customer_before_the_change_where_it_does_not_after() -> None:
    detached = told("payment_method.detached", method(attached=False), day(1), before=method())
    assert detached.customer_id == CUSTOMER
    assert told("payment_method.detached", method(attached=False), day(1)).customer_id is None
    assert (customer_of(customer()), customer_of(payment()), customer_of(refund())) == (CUSTOMER, CUSTOMER, None)


def test_a_fact_says_what_it_is_about_whether_it_begins_it_and_whether_we_asked() -> None:
    begun, answered = told("charge.created", charge(), day(1)), told("answer", charge(), day(1))
    assert (begun.kind, begun.ref) == (ObjectKind.CHARGE, ObjectRef(ObjectKind.CHARGE, "ch_1"))
    assert (begun.begins, begun.is_answer) == (True, False)
    assert (answered.begins, answered.is_answer) == (False, True)
    assert Fact(id="1", type="looked_up", occurred_at=day(1), after=charge()).is_answer


def test_labels_are_empty_where_an_object_carries_none() -> None:
    assert labels_of(customer()) == Labels(user_id="user-ann")
    assert labels_of(method()) == Labels()
    assert labels_of(SetupSeen(id="seti_1", created=START, status="succeeded")) == Labels()


def test_a_fact_happens_in_a_whole_second_of_utc() -> None:
    assert told("seen", payment(), day(1)).occurred_at == day(1)
    for wrong in (day(1).replace(microsecond=1), day(1).replace(tzinfo=None)):
        with pytest.raises(InvalidValue):
            told("seen", payment(), wrong)
