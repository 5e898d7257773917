"""Stripe's JSON in our words: every object, and what is done with what does not fit."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.facts import (
    SNAPSHOT_TYPES,
    CustomerSeen,
    InvoiceSeen,
    Labels,
    ObjectKind,
    PaymentMethodSeen,
    PaymentSeen,
    PriceSeen,
    ProductSeen,
    RefundSeen,
    ScheduleSeen,
    SessionSeen,
    SubscriptionSeen,
)
from billing_stripe.facts import OBJECT_NAMES, Unreadable, snapshot_of
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.readings import END, READINGS, read, read_as


def test_every_kind_of_object_has_a_reading() -> None:
    assert set(READINGS) == set(ObjectKind) == set(SNAPSHOT_TYPES) == set(OBJECT_NAMES)


@pytest.mark.parametrize("kind", ObjectKind)
def test_an_object_is_read_into_what_rules_need_of_it(kind: ObjectKind) -> None:
    body, expected = READINGS[kind]

    assert snapshot_of(kind, body) == expected


def reordered(value: Any, draw: Callable[[list[str]], list[str]]) -> Any:  # noqa: ANN401 - JSON holds anything
    if isinstance(value, dict):
        return {name: reordered(value[name], draw) for name in draw(list(value))}
    return [reordered(member, draw) for member in value] if isinstance(value, list) else value


@given(data=st.data(), kind=st.sampled_from(ObjectKind))
def test_the_order_of_keys_means_nothing(data: st.DataObject, kind: ObjectKind) -> None:
    body, expected = READINGS[kind]

    assert snapshot_of(kind, reordered(body, lambda names: data.draw(st.permutations(names)))) == expected


@pytest.mark.parametrize("kind", ObjectKind)
def test_fields_that_we_do_not_know_change_nothing(kind: ObjectKind) -> None:
    body, expected = READINGS[kind]

    assert snapshot_of(kind, body | {"added_by_stripe_in_2031": {"deep": [1, None]}}) == expected


@pytest.mark.parametrize("kind", ObjectKind)
def test_an_object_that_lacks_any_field_is_read_or_refused_by_name(kind: ObjectKind) -> None:
    """Never with the error of whoever looked the field up."""
    body, _ = READINGS[kind]
    refused = set()
    for name in body:
        for broken in ({key: value for key, value in body.items() if key != name}, body | {name: [{"id": 7}]}):
            try:
                snapshot_of(kind, broken)
            except Unreadable as error:
                refused |= {name} if name in str(error) else set()

    begun = "start" if kind is ObjectKind.DISCOUNT else "created"
    assert refused >= {"id", begun}


@pytest.mark.parametrize(
    "body",
    [
        make.subscription(status="hibernating"),
        make.invoice(status="half_paid", billing_reason="lunar_cycle"),
        make.payment_intent(status="contemplating"),
        make.dispute(status="appeal_of_appeal"),
        make.payment_method(type="barter", barter={}),
        make.refund(status="reconsidered", reason="regret"),
    ],
)
def test_words_that_stripe_adds_pass_through(body: make.Obj) -> None:
    seen = read(body)

    assert getattr(seen, "status", None) in {body.get("status"), None}
    assert getattr(seen, "type", None) in {body.get("type"), None}


def test_a_deleted_customer_is_still_one_that_is_known_to_be_gone() -> None:
    seen = read({"id": "cus_ada", "object": "customer", "deleted": True})

    assert (seen.id, getattr(seen, "deleted", None)) == ("cus_ada", True)


@pytest.mark.parametrize("name", ["product", "price"])
def test_of_a_deleted_thing_of_the_catalog_the_id_is_enough(name: str) -> None:
    seen = read({"id": "x_1", "object": name, "deleted": True})

    assert isinstance(seen, ProductSeen | PriceSeen)
    assert (seen.id, seen.deleted, seen.active) == ("x_1", True, False)


def test_a_pause_of_collection_is_read() -> None:
    seen = read_as(SubscriptionSeen, make.subscription(pause_collection={"behavior": "void", "resumes_at": make.END}))

    assert (seen.pause_behavior, seen.pause_resumes_at) == ("void", END)


def test_an_update_that_waits_for_its_payment_is_read() -> None:
    waiting = {"expires_at": make.END, "subscription_items": [make.item(price=price_id("price_max"), quantity=3)]}
    seen = read_as(SubscriptionSeen, make.subscription(pending_update=waiting))

    assert (seen.pending_price_id, seen.pending_quantity, seen.pending_expires_at) == ("price_max", 3, END)


def price_id(identity: str) -> make.Obj:
    return make.price(id=identity)


def test_a_metered_item_counts_as_one_piece() -> None:
    seen = read_as(
        SubscriptionSeen, make.subscription({name: v for name, v in make.item().items() if name != "quantity"})
    )

    assert seen.items[0].quantity == 1


def test_a_released_schedule_still_names_its_subscription() -> None:
    seen = read_as(ScheduleSeen, make.schedule(status="released", subscription=None, released_subscription="sub_1"))

    assert seen.subscription_id == "sub_1"


def test_why_a_payment_failed_and_what_the_bank_advises_is_read() -> None:
    """The advice says whether trying the same card again is of any use (Stripe, "Decline codes")."""
    error = {
        "code": "card_declined",
        "decline_code": "generic_decline",
        "advice_code": "do_not_try_again",
        "message": "Your card was declined.",
    }
    seen = read_as(PaymentSeen, make.payment_intent(status="requires_payment_method", last_payment_error=error))

    assert (seen.failure_code, seen.decline_code, seen.advice_code, seen.failure_message) == tuple(error.values())


@pytest.mark.parametrize("status", ["requires_payment_method", "canceled"])
def test_a_complete_session_whose_delayed_payment_failed_is_failed(status: str) -> None:
    """Stripe leaves it at unpaid; the expanded payment shows what became of it."""
    seen = read_as(
        SessionSeen, make.session(payment_status="unpaid", payment_intent=make.payment_intent(status=status))
    )

    assert seen.payment_status == "failed"


def test_a_complete_session_whose_delayed_payment_is_on_its_way_is_unpaid() -> None:
    seen = read_as(
        SessionSeen, make.session(payment_status="unpaid", payment_intent=make.payment_intent(status="processing"))
    )

    assert seen.payment_status == "unpaid"


def test_an_open_session_may_still_be_paid_after_a_payment_failed() -> None:
    """The buyer tries another card."""
    failed = make.payment_intent(status="requires_payment_method")
    seen = read_as(SessionSeen, make.session(status="open", payment_status="unpaid", payment_intent=failed))

    assert seen.payment_status == "unpaid"


def test_a_bank_account_has_its_last_digits_and_no_brand() -> None:
    debit = {"last4": "3000", "fingerprint": "iban-1", "country": "DE"}
    seen = read(make.payment_method(type="sepa_debit", card=None, sepa_debit=debit))

    assert seen == evolve(
        read_as(PaymentMethodSeen, make.payment_method()),
        type="sepa_debit", brand=None, last4="3000", exp_month=None, exp_year=None, fingerprint="iban-1",
    )  # fmt: skip


def test_a_tiered_price_has_no_amount_and_a_single_one_no_interval() -> None:
    tiered, single = read(make.price(unit_amount=None)), read(make.price(recurring=None, type="one_time"))

    assert isinstance(tiered, PriceSeen)
    assert isinstance(single, PriceSeen)
    assert (tiered.amount, single.interval) == (None, None)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        pytest.param("ada", "ada", id="an-id"),
        pytest.param("a" * 255, "a" * 255, id="as-long-as-may-be"),
        pytest.param("a" * 256, None, id="too-long"),
        pytest.param("a\nb", None, id="a-line-break"),
        pytest.param("a\x00b", None, id="a-nul"),
        pytest.param("a/b", None, id="a-slash"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="null"),
        pytest.param(7, None, id="no-text"),
        pytest.param({"a": "b"}, None, id="a-hash"),
    ],
)
def test_metadata_is_untrusted(value: object, kept: str | None) -> None:
    seen = read_as(CustomerSeen, make.customer(metadata={"user_id": value, "plan_id": "pro"}))

    assert seen.labels == Labels(user_id=kept, plan_id="pro")


@pytest.mark.parametrize("metadata", [None, {}, {"other": "thing"}])
def test_no_metadata_of_ours_is_no_labels(metadata: object) -> None:
    seen = read_as(CustomerSeen, make.customer(metadata=metadata))

    assert seen.labels == Labels()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (make.charge(object="invoice"), r"Expected a charge, not a 'invoice'\."),
        (make.charge(amount="14900"), r"charge\.amount should be a whole number, not str\."),
        (make.charge(amount=True), r"charge\.amount should be a whole number, not bool\."),
        (make.charge(amount=2**63), r"charge\.amount is too large: it should be at most 1000000000000000\."),
        (make.charge(amount=-1), r"charge\.amount is too small: it should be at least 0\."),
        (make.charge(created=10**15), r"charge\.created is too large: it should be at most 253402214400\."),
        (make.charge(created=-1), r"charge\.created is too small: it should be at least 0\."),
        (make.charge(created="today"), r"charge\.created should be a whole number, not str\."),
        (make.charge(currency="dollars"), r"charge\.currency should be a currency code"),
        (make.charge(id="ch\u202e"), r"charge\.id should be an id"),
        (make.charge(id=""), r"charge\.id is missing\."),
        (make.charge(disputed="no"), r"charge\.disputed should be true or false"),
        (make.charge(payment_method_details=[]), r"charge\.payment_method_details should be a hash"),
    ],
)
def test_what_is_not_as_promised_is_refused_with_the_place(body: make.Obj, message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        snapshot_of(ObjectKind.CHARGE, body)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"amount": -(2**63)}, r"amount is too small: it should be at least -1000000000000000\."),
        ({"quantity": 2**31}, r"quantity is too large: it should be at most 2147483647\."),
        ({"quantity": -1}, r"quantity is too small: it should be at least 0\."),
    ],
)
def test_a_number_that_is_out_of_range_is_told_from_what_is_none(changes: make.Obj, message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        read(make.invoice(make.line(**changes)))


def test_the_place_inside_a_list_is_named() -> None:
    with pytest.raises(Unreadable, match=r"invoice\.lines\[1\]\.period\.start is missing\."):
        read(make.invoice(make.line(), make.line(period={})))


def test_a_text_without_a_nul_can_be_stored() -> None:
    seen = read_as(ProductSeen, make.product(name="P\x00ro", description="\x00"))

    assert (seen.name, seen.description) == ("Pro", None)


def test_the_time_of_a_bill_of_2018_was_called_its_date() -> None:
    older = make.invoice(date=make.START)
    del older["created"]
    assert read(older) == read(make.invoice())


@pytest.mark.parametrize(("charge", "customer"), [("ch_1", None), (None, "cus_ada")])
def test_a_refund_names_its_customer_itself_where_nothing_was_paid_with_it(
    charge: str | None, customer: str | None
) -> None:
    found = read(make.refund(charge=charge, payment_intent=None, customer="cus_ada"))
    assert isinstance(found, RefundSeen)
    assert found.customer_id == customer


@pytest.mark.parametrize("has_more", [True, False])
def test_a_bill_says_whether_it_shows_all_of_its_lines(*, has_more: bool) -> None:
    found = read(make.invoice(lines=make.listed(make.line()) | {"has_more": has_more}))
    assert isinstance(found, InvoiceSeen)
    assert found.lines_missing is has_more


def test_a_schedule_says_since_when_it_is_in_its_phase() -> None:
    found = read(make.schedule(current_phase={"start_date": make.START, "end_date": make.END}))
    assert isinstance(found, ScheduleSeen)
    assert found.phase_start == datetime.fromtimestamp(make.START, UTC)
