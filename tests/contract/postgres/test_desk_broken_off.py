"""What an operator begins and a kill breaks off: what is done by then is whole, and the same command again goes on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Sequence
from functools import partial

import msgspec
import psycopg
import pytest
from attrs import evolve

from billing_bootstrap.application import Application
from billing_core.domain.callers import Caller, Role
from billing_core.domain.plans import Plan
from billing_core.domain.received import ReceivedState
from billing_sandbox.engine.objects import Obj
from billing_sandbox.signing import signature_header
from tests.builders import BASIC, PRO, START, usd
from tests.contract.sandbox_server import SECRET, Served
from tests.crashing import Do, Steps, child, opened
from tests.forked import FORKED
from tests.unit.stripe import stripe_json

SUE = Caller("sue", frozenset({Role.ADMIN}))
SOLD = (evolve(BASIC, stripe_price_id=None), evolve(PRO, stripe_price_id=None))
#: `make test-long` dies at each step; `make test` where something is made and not yet known of.
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
MADE = ("change PRODUCTS_WRITE", "change PRICES_WRITE")


async def killed(database_url: str, stripe_url: str, do_it: Do, step: int) -> None:
    """It is done, by a process that dies before this one of its commits and calls to Stripe."""
    process = FORKED.Process(target=child, args=(database_url, stripe_url, do_it, step, 0))
    process.start()
    await asyncio.to_thread(process.join)
    assert process.exitcode == -9


async def apply_plans(plans: Sequence[Plan], app: Application) -> None:
    """Sell these."""
    await app.apply_catalog(plans, [], actor="sue")


async def replay_dead(app: Application) -> None:
    """Try all dead letters again."""
    await app.replay_events.all(ReceivedState.DEAD)


async def republish(app: Application) -> None:
    """Send everything again."""
    await app.publish_events.again(START)


async def erase(app: Application) -> None:
    """Erase what names somebody."""
    await app.erase_customer(SUE, "user-1")


async def hear_of_customer(app: Application, number: int) -> bytes:
    """An event about a user's customer comes; its bytes."""
    told = stripe_json.customer(id=f"cus_{number}", metadata={"user_id": f"user-{number}"})
    body = msgspec.json.encode(stripe_json.event("customer.created", told, id=f"evt_{number}"))
    await app.receive_event(body, signature_header(body, SECRET, int(app.real_clock.now().timestamp())))
    return body


def prices_of(stripe: Served, plans: Collection[Plan]) -> list[Obj]:
    """The prices at Stripe that were made for these plans."""
    prices = stripe.sandbox.engine.world.store.each("price")
    return [one for one in prices if one["metadata"].get("plan_id") in {plan.id for plan in plans}]


@pytest.mark.parametrize("step", range(5) if THOROUGH else (1, 4))
async def test_a_catalog_is_sold_whole_or_not_at_all_and_nothing_is_made_twice(
    database_url: str, stripe: Served, step: int
) -> None:
    plans = [evolve(plan, id=f"{plan.id}-{step}") for plan in SOLD]
    await killed(database_url, stripe.url, partial(apply_plans, plans), step)

    steps = Steps()
    async with opened(database_url, stripe.url, steps) as app:
        assert (await app.catalogs.current()).on_sale() == ()
        await apply_plans(plans, app)
        sold = (await app.catalogs.current()).on_sale()

    assert (*MADE, *MADE, "commit")[-len(steps.taken) :] == tuple(steps.taken)
    assert {plan.id for plan in sold} == {plan.id for plan in plans}
    assert sorted(plan.stripe_price_id or "" for plan in sold) == sorted(
        price["id"] for price in prices_of(stripe, plans)
    )


@pytest.mark.parametrize("step", range(3) if THOROUGH else (1,))
async def test_another_price_is_sold_and_the_old_one_no_longer(database_url: str, stripe: Served, step: int) -> None:
    """Killed before the new price is made, before the old one is taken out of sale, and before we know of either."""
    plan = evolve(BASIC, stripe_price_id=None, id=f"dearer-{step}")
    async with opened(database_url, stripe.url) as app:
        await apply_plans([plan], app)
    await killed(database_url, stripe.url, partial(apply_plans, [evolve(plan, price=usd(1900))]), step)

    async with opened(database_url, stripe.url) as app:
        await apply_plans([evolve(plan, price=usd(1900))], app)
        (sold,) = (await app.catalogs.current()).on_sale()

    prices = {price["id"]: (price["unit_amount"], price["active"]) for price in prices_of(stripe, [plan])}
    assert prices.pop(sold.stripe_price_id) == (1900, True)
    assert list(prices.values()) == [(900, False)]


async def test_dead_letters_that_were_applied_stay_so_and_the_rest_is_replayed(
    database_url: str, stripe: Served
) -> None:
    async with opened(database_url, stripe.url) as app:
        for number in range(3):
            await hear_of_customer(app, number)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE received_events SET state = 'dead', error = 'a test'")

        await killed(database_url, stripe.url, replay_dead, 2)
        states = connection.execute("SELECT state FROM received_events").fetchall()
        async with opened(database_url, stripe.url) as app:
            replayed = await app.replay_events.all(ReceivedState.DEAD)
            left = await app.replay_events.all(ReceivedState.DEAD)

    assert sorted(state for (state,) in states) == ["applied", "applied", "dead"]
    assert [one.state for one in replayed] == [ReceivedState.APPLIED]
    assert left == []


async def test_what_is_to_be_sent_again_is_marked_some_at_a_time_and_the_next_run_marks_the_rest(
    database_url: str, stripe: Served
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO outbox (user_id, version, id, type, occurred_at, data, recorded_at, published_at)"
            " SELECT 'user-1', n, 'event-' || n, 'access.granted', now(), '{}', now(), now()"
            " FROM generate_series(1, 1200) n"
        )
        unsent = "SELECT count(*), max(version) FROM outbox WHERE published_at IS NULL"

        await killed(database_url, stripe.url, republish, 1)
        assert connection.execute(unsent).fetchone() == (1000, 1000)
        async with opened(database_url, stripe.url) as app:
            assert await app.publish_events.again(START) == 200

        assert connection.execute(unsent).fetchone() == (1200, 1200)


async def test_what_names_somebody_is_erased_whole_or_not_at_all(database_url: str, stripe: Served) -> None:
    async with opened(database_url, stripe.url) as app:
        body = await hear_of_customer(app, 1)
        await killed(database_url, stripe.url, erase, 0)

        before = await app.export_user(SUE, "user-1")
        erased = await app.erase_customer(SUE, "user-1")
        after = await app.export_user(SUE, "user-1")
        again = await app.erase_customer(SUE, "user-1")

    assert [one.payload for one in before.received] == [body]
    assert (erased, [one.payload for one in after.received], again) == (1, [None], 0)
    assert [entry.cause.kind for entry in after.audit].count("erase") == 1
