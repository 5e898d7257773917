"""Disputes, on the sandbox's clock: what is charged while one is open, once it is won, and once it is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from billing_core.domain.access import Blocked, Opened
from billing_core.domain.callers import Caller
from billing_core.domain.errors import InvalidTransition
from billing_core.domain.policies import DunningPolicy, OnDispute
from billing_core.domain.subscriptions import Subscription
from tests.builders import plan
from tests.contract.rehearsals.stage import ON_POSTGRES, SUE, Stage

PRO = evolve(plan("pro-monthly"), dunning=DunningPolicy())


async def disputed(stage: Stage) -> str:
    """Ann's bank contests the payment of her first month, and has our answer for two months; the dispute's id."""
    (paid, *_) = [one for one in (await stage.invoices("ann")) if one["status"] == "paid"]
    links = stage.sandbox.engine.world.store.each("invoice_payment")
    (link,) = [one for one in links if one["invoice"] == paid["id"]]
    opened = await stage.control("disputes", {"payment_intent": link["payment"]["payment_intent"]})
    v1: Any = stage.api.client.v1
    await v1.disputes.update_async(opened["id"], {"evidence": {"uncategorized_text": "Every lesson was watched."}})
    await stage.settle()
    return str(opened["id"])


async def decided(stage: Stage, dispute_id: str, outcome: str) -> None:
    await stage.control(f"disputes/{dispute_id}/close", {"outcome": outcome})
    await stage.settle()


async def access(stage: Stage) -> tuple[bool, Any]:
    (decision,) = await stage.application.decide_access(Caller("ann"), "ann", [PRO.grants[0]])
    return decision.allowed, decision.reason


async def billed(stage: Stage) -> list[tuple[str, int]]:
    return [(one["status"], one["amount_paid"]) for one in await stage.invoices("ann")]


def held(stage: Stage, subscription: Subscription) -> str | None:
    """How collection is paused, as the sandbox has it."""
    found = stage.sandbox.engine.world.load("subscription", subscription.stripe_subscription_id)
    return (found["pause_collection"] or {}).get("behavior")


async def renewal_due(stage: Stage, subscription: Subscription) -> None:
    assert subscription.current_period_end is not None
    await stage.until(subscription.current_period_end + timedelta(hours=2))


@ON_POSTGRES
async def test_a_dispute_stops_the_renewal_and_won_gives_back_what_is_left_and_the_next(stage: Stage) -> None:
    await stage.sells(PRO)
    subscription = await stage.subscribes("ann", PRO.id)
    await stage.days(5)
    dispute_id = await disputed(stage)
    assert (held(stage, subscription), await access(stage)) == ("void", (False, Blocked.DISPUTED))

    await decided(stage, dispute_id, "won")
    assert (held(stage, subscription), await access(stage)) == (None, (True, Opened.SUBSCRIPTION_ACTIVE))
    await renewal_due(stage, subscription)
    assert await billed(stage) == [("paid", 2900), ("paid", 2900)]


async def test_nothing_is_charged_while_it_is_open_however_long(stage: Stage) -> None:
    await stage.sells(PRO)
    subscription = await stage.subscribes("ann", PRO.id)
    dispute_id = await disputed(stage)
    await renewal_due(stage, subscription)
    assert await billed(stage) == [("paid", 2900), ("void", 0)]

    await decided(stage, dispute_id, "won")
    assert await access(stage) == (True, Opened.SUBSCRIPTION_ACTIVE)  # the slack after what is paid for
    await renewal_due(stage, await stage.subscription("ann"))
    assert await billed(stage) == [("paid", 2900), ("void", 0), ("paid", 2900)]
    assert await access(stage) == (True, Opened.SUBSCRIPTION_ACTIVE)


async def test_lost_leaves_renewals_stopped_until_somebody_takes_it_up_again(stage: Stage) -> None:
    await stage.sells(PRO)
    subscription = await stage.subscribes("ann", PRO.id)
    dispute_id = await disputed(stage)
    resume = stage.application.resume_subscription
    with pytest.raises(InvalidTransition, match="disputed"):
        await resume(Caller("ann"), subscription.id)
    await decided(stage, dispute_id, "lost")
    await renewal_due(stage, subscription)
    assert await billed(stage) == [("paid", 2900), ("void", 0)]
    assert await access(stage) == (False, Blocked.DISPUTED)

    await resume(SUE, subscription.id)
    await stage.settle()
    assert held(stage, subscription) is None
    await renewal_due(stage, await stage.subscription("ann"))
    assert (await billed(stage))[2:] == [("paid", 2900)]
    assert await access(stage) == (True, Opened.SUBSCRIPTION_ACTIVE)


async def test_stripes_own_retries_stop_too_and_go_on_once_it_is_won(stage: Stage) -> None:
    """The second month fails, and while Stripe tries it again the first is disputed."""
    await stage.sells(PRO)
    subscription = await stage.subscribes("ann", PRO.id)
    async with stage.units() as uow:
        customer = await uow.customers.customer_of("ann")
    await stage.control("fail-next-payment", {"customer": customer, "code": "insufficient_funds", "times": 1})
    await renewal_due(stage, subscription)
    assert (await stage.subscription("ann")).status == "past_due"

    dispute_id = await disputed(stage)
    unpaid = (await stage.invoices("ann"))[1]
    assert (unpaid["auto_advance"], unpaid["next_payment_attempt"]) == (False, None)
    await stage.days(10)
    unpaid = (await stage.invoices("ann"))[1]
    assert (unpaid["status"], unpaid["attempt_count"], (await stage.subscription("ann")).status) == (
        "open",
        1,
        "past_due",
    )

    await decided(stage, dispute_id, "won")
    assert (await stage.invoices("ann"))[1]["next_payment_attempt"] is not None
    await stage.days(10)
    assert await billed(stage) == [("paid", 2900), ("paid", 2900)]
    assert (await stage.subscription("ann")).status == "active"


async def test_a_policy_may_end_it_at_once(stage: Stage) -> None:
    await stage.sells(evolve(PRO, dunning=DunningPolicy(on_dispute=OnDispute.CANCEL)))
    await stage.subscribes("ann", PRO.id)
    await disputed(stage)
    assert (await stage.subscription("ann")).status == "canceled"
    assert await access(stage) == (False, Blocked.DISPUTED)


async def test_an_inquiry_stops_nothing(stage: Stage) -> None:
    await stage.sells(PRO)
    subscription = await stage.subscribes("ann", PRO.id, "4000000000001976")
    await stage.settle()
    assert held(stage, subscription) is None
    assert await access(stage) == (True, Opened.SUBSCRIPTION_ACTIVE)
