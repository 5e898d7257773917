"""Every kind of event that is read, in today's shape and in an older one, and what the API says after it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import field, frozen

from billing_core.domain.callers import Role
from billing_sandbox.older_shapes import rendered
from billing_sandbox.signing import signature_header
from billing_stripe.facts import EVENT_KINDS
from billing_stripe.webhooks import StripeWebhookVerifier
from tests.component.http.house import URLS, House
from tests.told_over_http import BOUGHT, CATALOG, about, at, everything, told
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.stripe_json import END, START, Obj

SECRET = "whsec_table"
#: The events of the product's table, as it writes them: a star stands for every ending that we read.
PRODUCT = """
checkout.session.completed checkout.session.expired checkout.session.async_payment_succeeded
checkout.session.async_payment_failed invoice.payment_succeeded invoice.paid invoice.payment_failed invoice.created
invoice.finalized invoice.voided invoice.marked_uncollectible invoice.updated customer.subscription.created
customer.subscription.updated customer.subscription.deleted customer.subscription.paused
customer.subscription.resumed customer.subscription.trial_will_end payment_intent.succeeded
payment_intent.payment_failed payment_intent.processing payment_intent.canceled charge.refunded refund.created
refund.updated refund.failed charge.dispute.created charge.dispute.updated charge.dispute.closed
charge.dispute.funds_* invoice_payment.paid invoice.payment_action_required setup_intent.* subscription_schedule.*
customer.subscription.pending_update_* payment_method.automatically_updated customer.created payment_method.attached
payment_method.detached payment_method.updated customer.updated customer.deleted product.* price.*
"""


@frozen
class Row:
    """One event, what was told before it, and what the API says after it that it did not say before."""

    event: Obj
    says: Mapping[str, object]
    before: Sequence[Obj] = ()
    #: Whether it is about an order and a session that were opened here.
    ordered: bool = field(default=False, kw_only=True)


KNOWN = told("customer.created", make.customer())
SUB, PI, DUE = make.subscription(), make.payment_intent(metadata={}), {"status": "open", "amount_paid": 0}
ACTIVE = (KNOWN, told("customer.subscription.created", SUB, 1), told("invoice.paid", make.invoice(), 2))
TRIAL = make.subscription(status="trialing", trial_start=START, trial_end=END)
PAID = told("payment_intent.succeeded", PI, 5)
PROCESSING = told("payment_intent.processing", PI | {"status": "processing", "amount_received": 0})
COURSE = (KNOWN, PAID, told("checkout.session.completed", make.session(metadata=BOUGHT), 6))
WAITING = told("checkout.session.completed", make.session(payment_status="unpaid", metadata=BOUGHT), 6)
ORDERED = make.session(id="SESSION", customer=None, payment_intent="pi_1", metadata={**BOUGHT, "purchase_id": "ORDER"})
BACK = make.refund(metadata={}, created=START + 50)
OPEN = told("charge.dispute.created", make.dispute(created=START + 50), 50)
RENEWAL = make.invoice(id="in_2", created=START + 60, number="A-0002", billing_reason="subscription_cycle", **DUE)
PLANNED = (*ACTIVE, told("customer.subscription.updated", SUB | {"schedule": "sub_sched_1"}, 3, {"schedule": None}))
SCHEDULED = told("subscription_schedule.created", make.schedule(), 4)
UPDATE = {"subscription_items": [make.item(price=make.price(id="price_basic"))], "expires_at": START + 80_000}
PENDING = (
    *ACTIVE,
    told("customer.subscription.updated", SUB | {"pending_update": UPDATE}, 3, {"pending_update": None}),
)
BASIC = make.subscription(make.item(price=make.price(id="price_basic")))
CARD = (KNOWN, told("payment_method.attached", make.payment_method(), 1))
NEWER = make.payment_method(card=make.payment_method()["card"] | {"exp_year": 2033})
NAMED = (told("product.created", make.product()), told("price.created", make.price()))
CHEAP = make.price(id="price_basic", product="prod_basic", unit_amount=900)
OF_CHEAP = make.product(id="prod_basic", name="Basic")
DISPUTED = {"purchases.0.status": "disputed", "payments.0.status": "disputed", "course.reason": "disputed"}
OWNED = {"purchases.0.status": "completed", "payments.0.status": "succeeded", "course.reason": "purchased"}
NOTHING_TO_SHOW: Mapping[str, object] = {}


def changed(event_type: str, body: Obj, previous: Obj, after: float = 100) -> Obj:
    """An event that tells what was before."""
    return told(event_type, body | previous, after, {name: body.get(name) for name in previous})


TABLE: tuple[Row, ...] = (
    Row(told("checkout.session.completed", make.session(metadata=BOUGHT), 6), OWNED, (KNOWN, PAID)),
    Row(
        told("checkout.session.expired", ORDERED | {"status": "expired", "payment_status": "unpaid"}, 700),
        {"purchases.0.status": "expired"},
        ordered=True,
    ),
    Row(
        told("checkout.session.async_payment_succeeded", make.session(metadata=BOUGHT), 90),
        {"purchases.0.status": "completed", "course.reason": "purchased"},
        (KNOWN, PROCESSING, WAITING),
    ),
    Row(
        told("checkout.session.async_payment_failed", ORDERED | {"payment_status": "unpaid"}, 800),
        {"purchases.0.status": "failed", "course.allowed": False},
        (told("checkout.session.completed", ORDERED | {"payment_status": "unpaid"}, 700),),
        ordered=True,
    ),
    # ---------------------------------------------------------------------------------------------- invoices
    Row(
        told("invoice.payment_succeeded", make.invoice(), 2),
        {"invoices.0.status": "paid", "status.has_access": True, "platform.reason": "subscription_active"},
        ACTIVE[:2],
    ),
    Row(
        ACTIVE[2],
        {"invoices.0.amount_paid": {"amount": 5800, "currency": "usd"}, "status.has_access": True},
        ACTIVE[:2],
    ),
    Row(
        told("invoice.payment_failed", RENEWAL, 60), {"invoices.1.status": "paid", "invoices.0.status": "open"}, ACTIVE
    ),
    Row(told("invoice.payment_action_required", RENEWAL, 60), {"invoices.0.status": "open"}, ACTIVE),
    Row(told("invoice.created", RENEWAL | {"status": "draft"}, 60), {"invoices.0.status": "draft"}, ACTIVE),
    Row(
        changed("invoice.finalized", RENEWAL | {"status": "draft"}, {"status": "open"}),
        {"invoices.0.status": "open", "invoices.0.number": "A-0002"},
        (*ACTIVE, told("invoice.created", RENEWAL | {"status": "draft", "number": None}, 60)),
    ),
    Row(told("invoice.voided", RENEWAL | {"status": "void"}, 99), {"invoices.0.status": "void"}, ACTIVE),
    Row(
        told("invoice.marked_uncollectible", RENEWAL | {"status": "uncollectible"}, 99),
        {"invoices.0.status": "uncollectible"},
        ACTIVE,
    ),
    Row(
        changed("invoice.updated", RENEWAL, {"amount_due": 4200}),
        {"invoices.0.amount_due": {"amount": 4200, "currency": "usd"}},
        (*ACTIVE, told("invoice.finalized", RENEWAL, 60)),
    ),
    # ----------------------------------------------------------------------------------------- subscriptions
    Row(
        ACTIVE[1],
        {
            "status.subscription.status": "active",
            "status.subscription.plan_id": "pro-monthly",
            "status.has_access": True,
        },
        (KNOWN,),
    ),
    Row(
        changed("customer.subscription.updated", SUB, {"status": "past_due"}),
        {"status.subscription.status": "past_due", "platform.reason": "within_grace"},
        ACTIVE,
    ),
    Row(
        told("customer.subscription.deleted", SUB | {"status": "canceled", "ended_at": START + 100}, 100),
        {"status.subscription.status": "canceled", "status.has_access": False, "platform.reason": "subscription_ended"},
        ACTIVE,
    ),
    Row(
        changed("customer.subscription.paused", SUB, {"status": "paused"}),
        {"status.subscription.status": "paused", "platform.reason": "paused"},
        ACTIVE,
    ),
    Row(
        changed("customer.subscription.resumed", SUB | {"status": "paused"}, {"status": "active"}, 200),
        {"status.subscription.status": "active", "platform.reason": "subscription_active"},
        (*ACTIVE, changed("customer.subscription.paused", SUB, {"status": "paused"})),
    ),
    Row(
        told("customer.subscription.trial_will_end", TRIAL, 100),
        {"events.subscription_trial_ending": True},
        (KNOWN, told("customer.subscription.created", TRIAL, 1)),
    ),
    Row(
        changed(
            "customer.subscription.pending_update_applied",
            SUB | {"pending_update": UPDATE},
            BASIC | {"pending_update": None},
        ),
        {"status.subscription.plan_id": "basic-monthly", "status.subscription.pending_change": None},
        PENDING,
    ),
    Row(
        changed(
            "customer.subscription.pending_update_expired", SUB | {"pending_update": UPDATE}, {"pending_update": None}
        ),
        {"status.subscription.plan_id": "pro-monthly", "status.subscription.pending_change": None},
        PENDING,
    ),
    Row(SCHEDULED, {"status.subscription.pending_change.plan_id": "basic-monthly"}, PLANNED),
    Row(
        told("subscription_schedule.updated", make.schedule(), 100),
        {"status.subscription.pending_change.plan_id": "basic-monthly"},
        (*PLANNED, told("subscription_schedule.created", make.schedule(phases=[make.phase()]), 4)),
    ),
    *(
        Row(
            changed(f"subscription_schedule.{ending}", make.schedule(), {"status": ending}),
            {"status.subscription.pending_change": None},
            (*PLANNED, SCHEDULED),
        )
        for ending in ("released", "canceled", "completed")
    ),
    Row(
        changed("subscription_schedule.aborted", make.schedule(), {"status": "canceled"}),
        {"status.subscription.pending_change": None},
        (*PLANNED, SCHEDULED),
    ),
    Row(told("subscription_schedule.expiring", make.schedule(), 100), NOTHING_TO_SHOW, (*PLANNED, SCHEDULED)),
    # ---------------------------------------------------------------------------------------------- payments
    Row(PAID, {"payments.0.status": "succeeded", "payments.0.amount": {"amount": 14_900, "currency": "usd"}}, (KNOWN,)),
    Row(
        told(
            "payment_intent.payment_failed",
            PI
            | {
                "status": "requires_payment_method",
                "amount_received": 0,
                "last_payment_error": {"code": "card_declined", "message": "Your card was declined."},
            },
        ),
        {"payments.0.status": "failed", "payments.0.failure_code": "card_declined"},
        (KNOWN,),
    ),
    Row(PROCESSING, {"payments.0.status": "processing"}, (KNOWN,)),
    Row(
        told("payment_intent.canceled", PI | {"status": "canceled", "amount_received": 0}),
        {"payments.0.status": "canceled"},
        (KNOWN,),
    ),
    Row(
        told("invoice_payment.paid", make.invoice_payment(), 6),
        {"payments.0.context.kind": "subscription", "payments.0.context.plan_id": "pro-monthly"},
        (*ACTIVE, PAID),
    ),
    Row(
        told("charge.refunded", make.charge(amount_refunded=14_900), 100, {"amount_refunded": 0}),
        {"purchases.0.status": "refunded", "payments.0.status": "refunded", "course.reason": "refunded"},
        COURSE,
    ),
    Row(
        told("refund.created", BACK | {"status": "pending"}, 50),
        {"purchases.0.status": "refunded", "course.reason": "refunded"},
        COURSE,
    ),
    Row(
        changed("refund.updated", BACK | {"status": "pending"}, {"status": "canceled"}),
        OWNED,
        (*COURSE, told("refund.created", BACK | {"status": "pending"}, 50)),
    ),
    Row(changed("refund.failed", BACK, {"status": "failed"}), OWNED, (*COURSE, told("refund.created", BACK, 50))),
    Row(OPEN, DISPUTED, COURSE),
    Row(
        changed("charge.dispute.updated", make.dispute(status="warning_needs_response"), {"status": "needs_response"}),
        DISPUTED,
        (*COURSE, told("charge.dispute.created", make.dispute(status="warning_needs_response"), 50)),
    ),
    Row(changed("charge.dispute.closed", make.dispute(), {"status": "won"}), OWNED, (*COURSE, OPEN)),
    Row(told("charge.dispute.funds_withdrawn", make.dispute(), 50), DISPUTED, COURSE),
    Row(told("charge.dispute.funds_reinstated", make.dispute(status="won"), 100), OWNED, (*COURSE, OPEN)),
    # ----------------------------------------------------------------------------- customers and what they pay with
    Row(KNOWN, {"payments.0.status": "succeeded"}, (PAID,)),  # only now is it known whose it is
    Row(
        changed("customer.updated", make.customer(), {"invoice_settings": {"default_payment_method": "pm_visa"}}),
        {"payment_methods.0.is_default": True},
        (
            told("customer.created", make.customer(invoice_settings={"default_payment_method": None})),
            CARD[1],
        ),
    ),
    Row(
        told("customer.deleted", {"id": "cus_ada", "object": "customer", "deleted": True}, 9),
        {"payment_methods": []},
        CARD,
    ),
    Row(CARD[1], {"payment_methods.0.card.last4": "4242"}, (KNOWN,)),
    Row(
        told("payment_method.detached", make.payment_method(customer=None), 9, {"customer": "cus_ada"}),
        {"payment_methods": []},
        CARD,
    ),
    *(
        Row(
            told(f"payment_method.{name}", NEWER, 9, {"card": {"exp_year": 2030}}),
            {"payment_methods.0.card.exp_year": 2033},
            CARD,
        )
        for name in ("updated", "automatically_updated")
    ),
    *(
        Row(told(f"setup_intent.{ending}", make.setup_intent(status=status)), NOTHING_TO_SHOW, (KNOWN,))
        for ending, status in (
            ("created", "requires_payment_method"),
            ("requires_action", "requires_action"),
            ("succeeded", "succeeded"),
            ("setup_failed", "requires_payment_method"),
            ("canceled", "canceled"),
        )
    ),
    # --------------------------------------------------------------------------------------- the plan list follows
    Row(told("product.created", make.product(name="Pro of old")), {"plans.pro-monthly": "Pro of old"}, NAMED[1:]),
    Row(told("product.updated", make.product(name="Pro"), 5, {"name": "Pro of old"}), {"plans.pro-monthly": "Pro"}),
    Row(told("price.updated", make.price(active=False), 6, {"active": True}), {"plans.pro-monthly": None}),
    Row(told("price.updated", make.price(), 7, {"active": False}), {"plans.pro-monthly": "Pro"}),
    Row(told("product.deleted", make.product(), 9), {"plans.pro-monthly": None}),
    Row(told("price.created", CHEAP), {"plans.basic-monthly": "Basic"}, (told("product.created", OF_CHEAP),)),
    Row(told("price.deleted", CHEAP, 9), {"plans.basic-monthly": None}),
)


@pytest.fixture
async def table_house() -> House:
    """A house that Stripe's own events come to."""
    house = House(verifier=StripeWebhookVerifier([SECRET], livemode=False))
    house.clock.move_to(datetime.fromtimestamp(START + 600, UTC))
    async with house.units() as uow:
        await uow.catalogs.save(CATALOG)
        await uow.commit()
    return house


async def posted(house: House, event: Obj, version: str | None) -> Any:  # noqa: ANN401 - JSON
    body = json.dumps(rendered(event, version)).encode()
    answer = await house.post_webhook(body, signature_header(body, SECRET, int(house.clock.now().timestamp())))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def looked_at(house: House, user: str, names: Collection[str]) -> dict[str, Any]:
    """What the API says, as far as the row names it."""

    async def get(path: str, user: str = user, *roles: Role) -> Any:  # noqa: ANN401 - JSON
        answer = await house.ask("GET", path, user=user, roles=roles)
        assert answer.status_code == 200, answer.text
        return answer.json()

    found = await everything(get, user, names)
    if "events" in names:
        events = (await get(f"/api/events?user_id={user}", "sue", Role.ADMIN))["events"]
        found["events"] = {event["type"].replace(".", "_"): True for event in events}
    if "plans" in names:
        plans = (await get("/api/subscriptions/plans"))["plans"]
        found["plans"] = {plan["id"]: plan["name"] for plan in plans}
    return found


async def ordered(house: House, user: str) -> dict[str, str]:
    """A purchase and its session, opened here."""
    wanted = {"resource_type": "course", "resource_id": "k8s-101", **URLS}
    opened = (await house.ask("POST", "/api/purchases/create", user=user, json=wanted)).json()
    return {"SESSION": opened["session_id"], "ORDER": opened["purchase_id"]}


def named(value: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: named(part, names) for name, part in value.items()}
    return names.get(value, value) if isinstance(value, str) else value


@pytest.mark.parametrize("version", [None, "2024-06-20"], ids=["of-today", "of-2024"])
async def test_each_event_of_the_table_has_its_effect(table_house: House, version: str | None) -> None:
    """And the same event once more has none."""
    house = table_house
    for number, row in enumerate(TABLE):
        user, parts = f"u{number}", {path.partition(".")[0] for path in row.says}
        names = await ordered(house, user) if row.ordered else {}
        *before, event = (named(one, names) for one in about([*row.before, row.event], user))
        for one in before:
            await posted(house, one, version)
        was = await looked_at(house, user, parts)
        assert await posted(house, event, version) == {"received": True, "duplicate": False}
        now = await looked_at(house, user, parts)
        assert {path: at(now, path) for path in row.says} == row.says, (number, row.event["type"])
        if row.says:
            assert {path: at(was, path) for path in row.says} != row.says, (number, row.event["type"])
        assert await posted(house, event, version) == {"received": True, "duplicate": True}


def test_the_table_has_every_event_of_the_product() -> None:
    walked = {row.event["type"] for row in TABLE}
    for name in re.findall(r"\S+", PRODUCT):
        pattern = re.compile(re.escape(name).replace(r"\*", r"\w+"))
        read = {kind for kind in EVENT_KINDS if pattern.fullmatch(kind)}
        assert read, name
        assert read <= walked, name
