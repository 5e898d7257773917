"""What is held on a person: exported whole, erased but for amounts, and never in a log."""

import json
from typing import Any

import pytest
import structlog

from billing_bootstrap.presenting_holdings import readable
from billing_core.domain.callers import Caller, Role
from billing_core.domain.errors import Forbidden
from tests.component.http.house import House

ADMIN = Caller("sue", frozenset({Role.ADMIN}))


@pytest.fixture
async def subscriber() -> tuple[House, str]:
    """A house of the test's own, and a user who subscribed and bought there."""
    house = await House().sells()
    await house.subscribes("ann")
    await house.buys("ann")
    return house, "ann"


async def test_the_export_has_everything(subscriber: tuple[House, str]) -> None:
    house, ann = subscriber

    held: dict[str, Any] = json.loads(json.dumps(readable(await house.application.export_user(ADMIN, ann))))

    assert held.keys() == {
        "user_id", "stripe_customer_id", "account", "orders", "manual_grants", "pauses", "operations", "facts",
        "received",
        "events", "audit",
    }  # fmt: skip
    assert held["user_id"] == ann
    assert {one["status"] for one in held["account"]["subscriptions"]} == {"active"}
    assert [one["resource"]["id"] for one in held["orders"]] == ["k8s-101"]
    assert held["received"]
    assert all(one["payload"] for one in held["received"])
    told = {one["event_id"] for one in held["received"]}
    assert told <= {fact["id"] for fact in held["facts"]}
    assert {one["user_id"] for one in held["events"]} == {ann}
    assert {one["user_id"] for one in held["audit"]} == {ann}


async def test_the_export_of_a_stranger_is_empty(house: House) -> None:
    held = await house.application.export_user(ADMIN, "nobody")

    assert (held.stripe_customer_id, held.facts, held.received, held.audit) == (None, (), (), ())


async def test_erasing_takes_the_bytes_and_leaves_the_amounts(subscriber: tuple[House, str]) -> None:
    house, ann = subscriber
    before = await house.application.export_user(ADMIN, ann)

    erased = await house.application.erase_customer(ADMIN, ann, reason="they asked")

    after = await house.application.export_user(ADMIN, ann)
    assert erased == len(before.received) > 0
    assert all(one.payload is None for one in after.received)
    assert (after.account, after.facts, after.orders) == (before.account, before.facts, before.orders)
    newest = after.audit[0]
    assert (newest.cause.kind, newest.cause.actor, newest.cause.reason) == ("erase", "sue", "they asked")


async def test_erasing_again_does_nothing(subscriber: tuple[House, str]) -> None:
    house, ann = subscriber
    await house.application.erase_customer(ADMIN, ann)

    assert await house.application.erase_customer(ADMIN, ann) == 0
    entries = (await house.application.export_user(ADMIN, ann)).audit
    assert [entry.cause.kind for entry in entries].count("erase") == 1


async def test_other_users_keep_theirs(subscriber: tuple[House, str]) -> None:
    house, ann = subscriber
    await house.subscribes("bob")

    await house.application.erase_customer(ADMIN, ann)

    held = await house.application.export_user(ADMIN, "bob")
    assert all(one.payload is not None for one in held.received)


async def test_only_support_staff_may(house: House) -> None:
    with pytest.raises(Forbidden):
        await house.application.export_user(Caller("ann"), "ann")
    with pytest.raises(Forbidden):
        await house.application.erase_customer(Caller("svc", frozenset({Role.SERVICE})), "ann")


async def test_nothing_personal_or_secret_is_logged(house: House, ann: str, log: structlog.testing.LogCapture) -> None:
    """Whatever a caller puts into a path, a query, a header, a body or a token: only the user's id is told."""
    secrets = ["ann@example.com", "192.0.2.7", "s3cr3t-reason", "promo-of-ann"]
    await house.ask("GET", f"/api/access/{ann}/course/ann@example.com?x=ann@example.com", user=ann)
    await house.ask("GET", "/nowhere/ann@example.com", user=None, headers={"X-Forwarded-For": "192.0.2.7"})
    checkout = {"plan_id": "ann@example.com", "success_url": "https://s3cr3t-reason", "cancel_url": "x"}
    await house.ask("POST", "/api/subscriptions/checkout-session", user=ann, json=checkout)
    token = house.token(ann, secret="another secret of more than 32 characters")
    await house.ask("GET", f"/api/access/{ann}", user=None, headers={"Authorization": f"Bearer {token}"})
    await house.post_webhook(b'{"email": "ann@example.com"}', "t=1,v1=promo-of-ann")

    lines = json.dumps(log.entries, default=str)
    assert len(log.entries) >= 5
    for secret in [*secrets, token, "Bearer"]:
        assert secret not in lines, secret
    assert ann in lines
