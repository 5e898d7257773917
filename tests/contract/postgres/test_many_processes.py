"""Many processes at one thing: a reconciliation that is killed again and again, and a refund that all workers see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from attrs import evolve

from billing_bootstrap.application import Application
from billing_core.domain.callers import Caller
from billing_core.domain.purchases import PurchaseStatus
from tests.builders import BASIC, K8S, PRO
from tests.contract.sandbox_server import Served
from tests.crashing import PLANS, THANKS, opened, reconciling
from tests.forked import FORKED

_USERS = ("ann", "bob")
#: So many commits are made before each kill: fewer than one user takes, with what each process does to begin.
_COMMITS = 9


@pytest.fixture
async def app(schema_url: str, stripe: Served) -> AsyncIterator[Application]:
    async with opened(schema_url, stripe.url, connections=4) as found:
        await found.apply_catalog([evolve(plan, stripe_price_id=None) for plan in (BASIC, PRO)], [K8S], actor="test")
        yield found


async def test_a_reconciliation_that_is_killed_goes_on_where_it_was(
    app: Application, stripe: Served, schema_url: str
) -> None:
    """No webhook came. One that began anew each time would never come to an end: each process may only do a little."""
    for user in _USERS:
        opened_ = await app.open_subscription_checkout(Caller(user), PRO.id, success_url=THANKS, cancel_url=PLANS)
        stripe.control(f"sessions/{opened_.session.id}/pay", {"card": "4242424242424242"})
    stripe.control("advance", {"by": "3"})

    exits: list[int | None] = []
    while exits[-1:] != [0]:
        arguments = (schema_url, stripe.url, _COMMITS, 3 + len(exits))
        process = FORKED.Process(target=reconciling, args=arguments)
        process.start()
        await asyncio.to_thread(process.join)
        exits.append(process.exitcode)
        assert set(exits[:-1]) <= {-9}
        assert len(exits) < 20, "it does not go on"
    assert len(exits) > 2

    for user in _USERS:
        found = await app.look_up.status(Caller(user), user)
        payments = (await app.look_up.payments(Caller(user), user, 10, None)).rows
        assert found.subscription is not None
        assert (found.subscription.status, found.subscription.plan_id) == ("active", PRO.id)
        assert [payment.status for payment in payments] == ["succeeded"]


async def test_however_many_workers_see_a_second_capture_it_is_given_back_once(
    app: Application, stripe: Served, schema_url: str
) -> None:
    """Eight at once, each with connections of its own; the first capture stays."""
    dan = Caller("dan")
    bought = await app.create_purchase(dan, K8S.resource, success_url=THANKS, cancel_url=PLANS)
    stripe.control(f"sessions/{bought.stripe_session_id}/pay", {"card": "4242424242424242"})
    async with app.units() as uow:
        customer = await uow.customers.customer_of("dan") or ""
    labels = {"user_id": "dan", "resource_type": K8S.resource.type.value, "resource_id": K8S.resource.id}
    second = stripe.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "customer": customer,
            "success_url": THANKS,
            "metadata": labels,
            "payment_intent_data": {"metadata": labels},
            "line_items": [
                {"quantity": 1, "price_data": {"currency": "usd", "unit_amount": 4900, "product_data": {"name": "K8s"}}}
            ],
        }
    )
    stripe.control("advance", {"by": "3"})
    stripe.control(f"sessions/{second.id}/pay", {"card": "4242424242424242"})
    stripe.control("advance", {"by": "3"})
    await app.reconcile.user("dan", actor="test", dry_run=False)

    async with AsyncExitStack() as stack:
        workers = [
            await stack.enter_async_context(opened(schema_url, stripe.url, minutes_later=1, connections=2))
            for _ in range(8)
        ]
        begun = await asyncio.gather(*(worker.refund_duplicates() for worker in workers))
        again = [await worker.refund_duplicates() for worker in workers]

    assert (sum(begun), sum(again)) == (1, 0)
    refunds = list(stripe.sandbox.engine.world.store.each("refund"))
    assert [(one["amount"], one["reason"]) for one in refunds] == [(4900, "duplicate")]
    stripe.control("advance", {"by": "3"})
    await app.reconcile.user("dan", actor="test", dry_run=False)
    rows = (await app.look_up.purchases(dan, "dan", 10, None)).rows
    assert sorted(one.status for one in rows) == [PurchaseStatus.COMPLETED, PurchaseStatus.REFUNDED]
