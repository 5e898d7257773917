"""Events as facts: what happened to which object, and what it was before."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.facts import (
    CustomerSeen,
    Fact,
    InvoiceSeen,
    ObjectKind,
    PaymentMethodSeen,
    SessionSeen,
    SubscriptionSeen,
)
from billing_stripe.facts import EVENT_KINDS, WEBHOOK_EVENTS, before_update, fact_of_event, snapshot_of
from tests.contract.stripe_description import description
from tests.unit.stripe import stripe_json as make

AT = datetime.fromtimestamp(make.START, UTC)


def fact(event_type: str, body: make.Obj, previous: make.Obj | None = None) -> Fact:
    found = fact_of_event("evt_1", event_type, AT, body, previous)
    assert found is not None
    return found


def test_an_event_is_a_fact_about_its_object() -> None:
    told = fact("customer.subscription.created", make.subscription())

    assert (told.id, told.type, told.occurred_at) == ("evt_1", "customer.subscription.created", AT)
    assert (told.kind, told.after.id, told.before) == (ObjectKind.SUBSCRIPTION, "sub_1", None)


#: What an event may be about: the part of its type that names the object, and the kind that it is to us.
FAMILIES = {
    "checkout.session": ObjectKind.SESSION,
    "customer.discount": ObjectKind.DISCOUNT,
    "customer.subscription": ObjectKind.SUBSCRIPTION,
    "charge.dispute": ObjectKind.DISPUTE,
    "charge.refund": ObjectKind.REFUND,
    "subscription_schedule": ObjectKind.SCHEDULE,
}


@pytest.mark.parametrize("event_type", EVENT_KINDS)
def test_the_type_of_an_event_names_its_kind_of_object(event_type: str) -> None:
    family = event_type.rpartition(".")[0]

    assert EVENT_KINDS[event_type] == (FAMILIES.get(family) or ObjectKind(family))


#: The events that the product says are stored and applied.
PROMISED = """
    checkout.session.completed checkout.session.expired checkout.session.async_payment_succeeded
    checkout.session.async_payment_failed invoice.payment_succeeded invoice.paid invoice.payment_failed invoice.created
    invoice.finalized invoice.voided invoice.marked_uncollectible invoice.updated customer.subscription.created
    customer.subscription.updated customer.subscription.deleted customer.subscription.paused
    customer.subscription.resumed customer.subscription.trial_will_end payment_intent.succeeded
    payment_intent.payment_failed payment_intent.processing payment_intent.canceled charge.refunded refund.created
    refund.updated refund.failed charge.dispute.created charge.dispute.updated charge.dispute.closed
    charge.dispute.funds_withdrawn charge.dispute.funds_reinstated invoice_payment.paid invoice.payment_action_required
    setup_intent.succeeded setup_intent.setup_failed subscription_schedule.created subscription_schedule.updated
    subscription_schedule.released customer.subscription.pending_update_applied
    customer.subscription.pending_update_expired payment_method.automatically_updated customer.created
    payment_method.attached payment_method.detached payment_method.updated customer.updated customer.deleted
    product.created product.updated product.deleted price.created price.updated price.deleted
    """


@pytest.mark.parametrize("event_type", PROMISED.split())
def test_an_event_that_the_product_promises_to_handle_is_asked_for(event_type: str) -> None:
    assert event_type in WEBHOOK_EVENTS


def test_every_event_that_is_asked_for_exists_in_the_pinned_version() -> None:
    spec = description()
    known = set(spec["x-event-types"]) if spec else set(WEBHOOK_EVENTS)

    assert set(WEBHOOK_EVENTS) - known == set()


@pytest.mark.parametrize("event_type", ["invoice.upcoming", "plan.updated", "payout.paid", "invented.by.stripe"])
def test_an_event_that_tells_us_nothing_is_no_fact(event_type: str) -> None:
    assert fact_of_event("evt_1", event_type, AT, {"object": "whatever"}, None) is None
    assert event_type not in WEBHOOK_EVENTS


def test_a_refund_told_by_the_older_event_is_the_same_refund() -> None:
    assert fact("charge.refund.updated", make.refund()).after == fact("refund.updated", make.refund()).after


def test_a_delayed_payment_that_failed_makes_the_session_failed() -> None:
    seen = fact("checkout.session.async_payment_failed", make.session(payment_status="unpaid")).after

    assert isinstance(seen, SessionSeen)
    assert seen.payment_status == "failed"


def test_a_completed_session_that_is_unpaid_is_not_failed() -> None:
    seen = fact("checkout.session.completed", make.session(payment_status="unpaid")).after

    assert isinstance(seen, SessionSeen)
    assert seen.payment_status == "unpaid"


@pytest.mark.parametrize(
    ("event_type", "body"),
    [
        ("customer.deleted", make.customer()),
        ("product.deleted", make.product()),
        ("price.deleted", make.price()),
    ],
)
def test_a_deletion_tells_the_whole_object_and_that_it_is_gone(event_type: str, body: make.Obj) -> None:
    told = fact(event_type, body)

    assert getattr(told.after, "deleted", False)
    assert told.after.created == AT


def test_a_deleted_draft_will_never_be_paid() -> None:
    seen = fact("invoice.deleted", make.invoice(status="draft")).after

    assert isinstance(seen, InvoiceSeen)
    assert seen.status == "void"


def test_a_detached_method_was_the_customers_before() -> None:
    told = fact("payment_method.detached", make.payment_method(customer=None), {"customer": "cus_ada"})

    assert isinstance(told.after, PaymentMethodSeen)
    assert (told.after.customer_id, told.customer_id) == (None, "cus_ada")


def test_an_update_names_the_whole_object_before_it() -> None:
    before = make.subscription()
    renewed = make.item(current_period_start=make.END, current_period_end=make.END + 1)
    after = make.subscription(renewed, latest_invoice="in_2")
    previous = {"items": {"data": before["items"]["data"]}, "latest_invoice": "in_1"}

    told = fact("customer.subscription.updated", after, previous)

    assert told.before == snapshot_of(ObjectKind.SUBSCRIPTION, before)
    assert told.after == snapshot_of(ObjectKind.SUBSCRIPTION, after)


def test_what_was_null_or_a_hash_before_is_put_back_whole() -> None:
    paused = {"behavior": "void", "resumes_at": None}
    resumed = fact("customer.subscription.updated", make.subscription(), {"pause_collection": paused})
    pausing = fact(
        "customer.subscription.updated", make.subscription(pause_collection=paused), {"pause_collection": None}
    )

    assert resumed.before == pausing.after
    assert pausing.before == resumed.after


def test_of_a_hash_only_the_changed_keys_are_put_back() -> None:
    after = make.customer(metadata={"user_id": "ada", "plan_id": "pro"})
    told = fact("customer.updated", after, {"metadata": {"plan_id": None}})

    assert isinstance(told.before, CustomerSeen)
    assert (told.before.labels.user_id, told.before.labels.plan_id) == ("ada", None)


def test_an_update_in_an_older_version_names_the_same_objects() -> None:
    before, after = make.subscription(), make.subscription(make.item(quantity=5))
    older = [make.older_subscription(body) for body in (before, after)]

    today = fact("customer.subscription.updated", after, {"items": {"data": before["items"]["data"]}})
    then = fact("customer.subscription.updated", older[1], {"items": {"data": older[0]["items"]["data"]}})

    assert then == today


def test_a_renewal_in_an_older_version_moves_the_period_of_the_subscription() -> None:
    after = make.older_subscription(make.subscription(make.item(current_period_start=make.END)))
    told = fact("customer.subscription.updated", after, {"current_period_start": make.START})

    assert isinstance(told.before, SubscriptionSeen)
    assert told.before.items[0].period_start == AT


def test_an_event_without_previous_attributes_says_nothing_of_the_time_before() -> None:
    assert fact("customer.updated", make.customer(), {}).before is None


@pytest.mark.parametrize("previous", [{"id": "cus_other"}, {"created": "yesterday"}])
def test_a_state_before_that_cannot_be_right_is_none_and_what_is_now_counts(previous: make.Obj) -> None:
    told = fact("customer.updated", make.customer(), previous)
    assert (told.before, told.after.id) == (None, "cus_ada")


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | st.lists(SCALARS, max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)


def changed_by(before: make.Obj, after: make.Obj) -> make.Obj:
    """What Stripe tells of a change: of hashes the changed keys, of lists the whole, null for what was absent."""
    previous: make.Obj = {}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            inner = changed_by(old, new)
            previous |= {name: inner} if inner else {}
        elif old != new or type(old) is not type(new):
            previous[name] = old
    return previous


def without_nulls(value: Any) -> Any:  # noqa: ANN401 - JSON holds anything
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return value


@given(before=OBJECTS, after=OBJECTS)
def test_putting_back_what_changed_gives_the_object_before(before: make.Obj, after: make.Obj) -> None:
    """Absent and null are one."""
    kept = deepcopy(after)

    assert without_nulls(before_update(after, changed_by(before, after))) == without_nulls(before)
    assert after == kept
