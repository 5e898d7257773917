"""Lives on PostgreSQL: what one sandbox tells, delivered by many at once, shuffled and twice, to one database."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from random import Random

import pytest

from billing_core.domain.plans import Catalog
from billing_core.domain.received import ReceivedState
from billing_postgres import PostgresUnitsOfWork
from tests.builders import ANN, K8S
from tests.contract.told_at_once import by, is_stored_as_it_was
from tests.receiving import Receiver
from tests.sandbox_lives import SandboxLife
from tests.unit.stripe import stripe_json as make

_CATALOG = Catalog(items=(K8S,))
_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
#: Orders of arrival, of which each is one of thousands: more of them with `make test-long`.
SEEDS = range(100 if _LONG else 2)
#: A life, and how many receive it and work at it: one of each, and both kinds of crowds with `make test-long`.
CROWDS = [(24, 4, 8), *([(3, 1, 1), (25, 8, 4)] if _LONG else [])]


@pytest.mark.parametrize(("seed", "receivers", "workers"), CROWDS)
async def test_however_many_receive_it_at_once_a_life_is_stored_as_it_was(
    units: PostgresUnitsOfWork, seed: int, receivers: int, workers: int
) -> None:
    life = SandboxLife(seed, steps=16, orders_max=1)
    await is_stored_as_it_was(units, life, order=seed, again=1, receivers=receivers, workers=workers)


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_names_nobody_and_comes_at_the_same_moment_is_lost_by_nobody(
    units: PostgresUnitsOfWork, seed: int
) -> None:
    """A guest's payment, its refund and its dispute, each told twice: whose they are is found out while they arrive."""
    labels = {"user_id": ANN, "resource_type": "course", "resource_id": "k8s-101"}
    charged = make.charge(customer=None, metadata={})
    told = [
        ("checkout.session.completed", make.session(metadata=labels, customer=None)),
        ("payment_intent.created", make.payment_intent(status="processing", customer=None, metadata={})),
        ("payment_intent.succeeded", make.payment_intent(customer=None, metadata={})),
        ("charge.succeeded", charged),
        ("refund.created", make.refund(status="pending", payment_intent=None, amount=4900, metadata={})),
        ("refund.updated", make.refund(status="succeeded", payment_intent=None, amount=4900, metadata={})),
        ("charge.dispute.created", make.dispute(payment_intent=None, amount=10_000)),
        ("charge.dispute.closed", make.dispute(payment_intent=None, amount=10_000, status="lost")),
    ]
    history = [
        make.event(name, body, id=f"evt_{number}", created=make.START + number)
        for number, (name, body) in enumerate(told)
    ]
    deliveries = [*history, *history]
    Random(seed).shuffle(deliveries)  # noqa: S311 - the same order for the same seed
    receiver, alone = Receiver(units), Receiver()
    for one in (receiver, alone):
        await one.sells(_CATALOG)

    await by(8, [partial(receiver.receives, event) for event in deliveries])
    await asyncio.gather(*(receiver.works(f"worker-{number}") for number in range(4)))
    for event in history:
        await alone.receives(event)

    assert await receiver.states() == {ReceivedState.APPLIED: len(history)}
    assert await receiver.account() == await alone.account()
    (purchase,) = (await receiver.account()).purchases
    assert (purchase.status, purchase.amount_refunded.amount, purchase.amount_disputed.amount) == (
        "disputed",
        4900,
        10_000,
    )
