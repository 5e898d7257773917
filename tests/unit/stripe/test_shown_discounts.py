"""Discounts as the customer's objects show them, in the shapes that Stripe answers with."""

from __future__ import annotations

from typing import Any

from billing_core.domain.facts import ObjectKind
from billing_stripe.facts.reading import Json
from billing_stripe.facts.shown_discounts import ShownDiscounts


def discount(identity: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON holds anything
    return {
        "id": identity,
        "object": "discount",
        "checkout_session": None,
        "customer": "cus_1",
        "end": None,
        "invoice": None,
        "source": {"type": "coupon", "coupon": "SPRING"},
        "start": 1_785_585_600,
        "subscription": None,
    } | changes


def shown(*objects: tuple[ObjectKind, dict[str, Any]]) -> list[tuple[str, bool]]:
    """The discounts that these show one after the other, each with whether it has ended."""
    discounts = ShownDiscounts()
    found = [one for kind, body in objects for one in discounts.by(kind, Json(body, kind))]
    return [(one.id, one.deleted) for one in found]


def lessened_by(*discounts: dict[str, Any]) -> tuple[ObjectKind, dict[str, Any]]:
    return ObjectKind.INVOICE, {"total_discount_amounts": [{"amount": 100, "discount": one} for one in discounts]}


HELD = discount("di_1")


def test_a_customer_a_subscription_and_its_items_show_what_they_have() -> None:
    bought = {
        "discounts": [discount("di_2", subscription="sub_1", checkout_session="cs_1")],
        "items": {
            "object": "list",
            "data": [{"discounts": [discount("di_3", subscription="sub_1")]}, {"discounts": []}],
        },
    }
    assert shown((ObjectKind.CUSTOMER, {"discount": HELD}), (ObjectKind.SUBSCRIPTION, bought)) == [
        ("di_1", False),
        ("di_2", False),
        ("di_3", False),
    ]


def test_what_only_an_invoice_shows_has_ended() -> None:
    invoice = lessened_by(HELD, discount("di_2", subscription="sub_1"))
    assert shown((ObjectKind.CUSTOMER, {"discount": HELD}), invoice) == [("di_1", False), ("di_2", True)]
    assert shown((ObjectKind.CUSTOMER, {"discount": None}), invoice) == [("di_1", True), ("di_2", True)]


def test_what_was_taken_off_one_invoice_or_one_session_is_no_discount_that_events_tell_of() -> None:
    of_invoice = discount("di_4", invoice="in_1")
    of_session = discount("di_5", checkout_session="cs_1", customer=None)
    assert shown(lessened_by(of_invoice, of_session), (ObjectKind.INVOICE, {"total_discount_amounts": None})) == []
