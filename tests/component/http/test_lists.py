"""Lists over HTTP: payments, payment methods, purchases, invoices, events; and their pages."""

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from billing_core.domain.callers import Role
from billing_core.domain.resources import Resource, ResourceType
from tests.builders import K8S
from tests.component.http.house import House


def course(number: int) -> Resource:
    """One of many courses."""
    return Resource(ResourceType.COURSE, f"c-{number}")


async def pages(house: House, path: str, rows: str, *, roles: tuple[Role, ...] = (), user: str) -> list[Any]:
    """All pages of a list, one row each."""
    found, cursor = [], ""
    while True:
        answer = (await house.ask("GET", f"{path}limit=1{cursor}", user=user, roles=roles)).json()
        found.append(answer[rows])
        if answer["next_cursor"] is None:
            return found
        cursor = f"&cursor={answer['next_cursor']}"


async def test_payments_say_what_they_were_for(house: House, ann: str) -> None:
    subscription = await house.subscribes(ann)
    purchase_id = await house.buys(ann)

    payments = (await house.ask("GET", f"/api/payments/history/{ann}", user=ann)).json()["payments"]

    by_kind = {payment["context"]["kind"]: payment for payment in payments}
    assert by_kind["purchase"]["context"] == {
        "kind": "purchase", "purchase_id": purchase_id, "resource_type": "course", "resource_id": "k8s-101",
    }  # fmt: skip
    assert by_kind["subscription"]["context"] == {
        "kind": "subscription", "subscription_id": subscription["id"], "plan_id": "pro-monthly",
    }  # fmt: skip
    assert by_kind["subscription"]["invoice_id"]
    assert by_kind["purchase"].keys() >= {
        "id", "amount", "amount_refunded", "status", "description", "context", "invoice_id", "failure_code",
        "failure_message", "stripe_payment_intent_id", "created_at",
    }  # fmt: skip


async def test_a_list_comes_in_pages_that_miss_nothing(house: House, ann: str) -> None:
    await house.subscribes(ann)
    await house.buys(ann)
    whole = (await house.ask("GET", f"/api/payments/history/{ann}", user=ann)).json()

    found = await pages(house, f"/api/payments/history/{ann}?", "payments", user=ann)

    assert whole["next_cursor"] is None
    assert [row for page in found for row in page] == whole["payments"]
    assert [len(page) for page in found] == [1, 1]


async def test_purchases_are_listed(house: House, ann: str) -> None:
    purchase_id = await house.buys(ann)

    answer = (await house.ask("GET", f"/api/purchases/history/{ann}", user=ann)).json()

    assert [purchase["id"] for purchase in answer["purchases"]] == [purchase_id]
    assert answer["next_cursor"] is None


async def test_invoices_are_listed(house: House, ann: str) -> None:
    subscription = await house.subscribes(ann)

    (invoice,) = (await house.ask("GET", f"/api/invoices/{ann}", user=ann)).json()["invoices"]

    assert invoice.keys() >= {
        "id", "number", "status", "amount_due", "amount_paid", "period_start", "period_end", "subscription_id",
        "hosted_invoice_url", "invoice_pdf_url", "stripe_invoice_id", "created_at",
    }  # fmt: skip
    assert (invoice["status"], invoice["subscription_id"]) == ("paid", subscription["id"])
    assert invoice["amount_paid"] == {"amount": 2900, "currency": "usd"}


async def test_payment_methods_are_listed(house: House, ann: str) -> None:
    await house.subscribes(ann)

    (method,) = (await house.ask("GET", f"/api/payments/methods/{ann}", user=ann)).json()["payment_methods"]

    assert method.keys() == {"id", "type", "card", "is_default", "created_at"}
    assert method["id"].startswith("pm_")
    assert method["card"] == {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2034}
    assert method["is_default"] is True


async def test_events_of_one_user_fill_a_gap() -> None:
    house = await House().sells()
    await house.buys("ann")
    await house.grants("bob")
    path = "/api/events?user_id=ann&"

    whole = (await house.ask("GET", f"{path}limit=100", user="lms", roles=[Role.SERVICE])).json()["events"]
    after = (await house.ask("GET", f"{path}after_version=2", user="lms", roles=[Role.SERVICE])).json()["events"]
    paged = await pages(house, path, "events", user="lms", roles=(Role.SERVICE,))

    assert whole[0].keys() == {"id", "type", "occurred_at", "user_id", "version", "data"}
    assert [event["version"] for event in whole] == list(range(1, len(whole) + 1))
    assert {event["user_id"] for event in whole} == {"ann"}
    assert after == whole[2:]
    assert [event for page in paged for event in page] == whole


async def test_events_of_everybody_are_listed() -> None:
    house = await House().sells()
    await house.grants("ann")
    await house.grants("bob")

    answer = (await house.ask("GET", "/api/events", user="sue", roles=[Role.ADMIN])).json()

    assert [(event["user_id"], event["type"]) for event in answer["events"]] == [
        ("ann", "access.granted"),
        ("bob", "access.granted"),
    ]


async def test_a_cursor_of_events_that_was_never_given_out_is_refused(house: House) -> None:
    answer = await house.ask("GET", "/api/events?cursor=nonsense", user="sue", roles=[Role.ADMIN])

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "cursor")


@pytest.mark.parametrize(
    ("path", "rows"),
    [("/api/payments/history/", "payments"), ("/api/purchases/history/", "purchases"), ("/api/invoices/", "invoices")],
    ids=["payments", "purchases", "invoices"],
)
async def test_pages_neither_miss_nor_repeat_what_was_there_while_rows_are_added(path: str, rows: str) -> None:
    house = await House().sells(items=[evolve(K8S, resource=course(number)) for number in range(8)])
    for number in range(3):
        await house.buys("ann", f"c-{number}")
        house.clock.advance(timedelta(minutes=1))
    subscription = await house.subscribes("ann")
    for _ in range(3):  # an invoice each
        house.clock.advance(timedelta(days=31))
        house.provider.buyers.reach_period_end(subscription["stripe_subscription_id"])
        await house.deliver()
    there = [row["id"] for row in (await house.ask("GET", path + "ann", user="ann")).json()[rows]]

    found, cursor, number = [], "", 3
    while cursor is not None:
        page = (await house.ask("GET", f"{path}ann?limit=1{cursor and '&cursor=' + cursor}", user="ann")).json()
        found += [row["id"] for row in page[rows]]
        cursor = page["next_cursor"]
        house.clock.advance(timedelta(minutes=1))
        if number < 8:
            await house.buys("ann", f"c-{number}")
            number += 1
            house.provider.buyers.reach_period_end(subscription["stripe_subscription_id"])
            await house.deliver()

    assert found == there
    assert len(there) >= 3


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", "", "1e1", "1.0"])
async def test_a_limit_is_from_1_to_100(house: House, ann: str, limit: str) -> None:
    answer = await house.ask("GET", f"/api/invoices/{ann}?limit={limit}", user=ann)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "limit")


async def test_a_parameter_that_is_given_twice_is_refused(house: House, ann: str) -> None:
    answer = await house.ask("GET", f"/api/invoices/{ann}?limit=1&limit=1", user=ann)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "limit")
