"""A life that is told to one database by many at once, and held against the life itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from random import Random

from billing_core.domain.received import ReceivedState
from billing_postgres import PostgresUnitsOfWork
from tests.receiving import Receiver
from tests.sandbox_account import rows_of, told_by
from tests.sandbox_lives import OLDER, TODAY, SandboxLife

__all__ = ["by", "is_stored_as_it_was"]


async def by(many: int, doings: Sequence[Callable[[], Awaitable[object]]]) -> None:
    """Do all of it, so many at a time, in this order."""
    waiting = list(reversed(doings))

    async def one() -> None:
        while waiting:
            await waiting.pop()()

    await asyncio.gather(*(one() for _ in range(many)))


async def is_stored_as_it_was(
    units: PostgresUnitsOfWork, life: SandboxLife, *, order: int, again: float, receivers: int, workers: int
) -> None:
    """Tell it shuffled (``order`` is the seed) and in two shapes, a share of it ``again``.

    Each event has one effect, what others are told has no gap, and the account is the one that comes of a delivery in
    order and that the sandbox's own objects give.
    """
    dice = Random(order)  # noqa: S311 - the same order for the same seed
    deliveries = [(event, dice.choice((TODAY, OLDER))) for event in life.events]
    deliveries += dice.sample(deliveries, int(len(deliveries) * again))
    dice.shuffle(deliveries)
    receiver, alone = Receiver(units), Receiver()
    for one in (receiver, alone):
        await one.sells(life.catalog, life.orders)

    new: list[str] = []

    async def deliver(number: int) -> None:
        receipt = await receiver.receives(*deliveries[number])
        if not receipt.duplicate:
            new.append(receipt.event_id)

    await by(receivers, [partial(deliver, number) for number in range(len(deliveries))])
    await asyncio.gather(*(receiver.works(f"worker-{number}") for number in range(workers)))
    for event in life.events:
        await alone.receives(event)
    await alone.works()

    assert sorted(new) == sorted(event["id"] for event in life.events)
    assert set(await receiver.states()) <= {ReceivedState.APPLIED, ReceivedState.IGNORED}
    versions = await receiver.versions()
    assert versions == list(range(1, len(versions) + 1))
    assert await receiver.doubts() == await alone.doubts()
    for one in (receiver, alone):
        await one.asks([life.asked(ref.kind, ref.id) for ref in await one.doubts()])
    assert await receiver.account() == await alone.account(), life.script
    assert rows_of(await receiver.account()) == told_by(life), life.script
