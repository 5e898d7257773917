"""Thousands of late facts of one object, over HTTP and on PostgreSQL: what they cost grows as their number does.

They take minutes; `docs/adr/0002-state-is-a-fold-over-facts.md` has the figures of a run.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from attrs import define

from billing_core.domain.facts import Fact, ObjectRef
from billing_core.domain.received import ReceivedState
from billing_core.ports.facts import FactLog
from billing_postgres import PostgresUnitsOfWork, open_pool
from billing_postgres.facts import PostgresFactLog
from billing_postgres.unit_of_work import PostgresUnitOfWork
from billing_sandbox.signing import signature_header
from billing_stripe.webhooks import StripeWebhookVerifier
from tests.component.http.house import House
from tests.component.test_late_facts import history
from tests.databases import fresh_database
from tests.told_over_http import CATALOG

SECRET = "whsec_late"
SIZES = (1_250, 2_500, 5_000)


@define
class Reads:
    """How often facts were read to fold their objects, and how many."""

    folds: int = 0
    facts: int = 0


class CountedLog(PostgresFactLog):
    """Facts that count what is read of them."""

    reads = Reads()

    async def of_objects(self, refs: Collection[ObjectRef]) -> tuple[Fact, ...]:
        """Counted."""
        found = await super().of_objects(refs)
        CountedLog.reads.folds += bool(found)
        CountedLog.reads.facts += len(found)
        return found


class CountedUnits(PostgresUnitsOfWork):
    """Units of work on counted facts."""

    def __call__(self) -> PostgresUnitOfWork:
        """A new one."""
        uow = super().__call__()
        log: FactLog = uow.facts
        assert isinstance(log, PostgresFactLog)
        uow.facts = CountedLog(log._session, log._ahead)  # noqa: SLF001 - what stands behind the port is counted
        return uow


async def cost_of(length: int, database_url: str) -> Reads:
    """What it takes to receive so many facts shuffled and one by one, and to work off what was put off."""
    pool = await open_pool(database_url)
    units = CountedUnits(pool)
    house = House(units=units, verifier=StripeWebhookVerifier([SECRET], livemode=False))
    async with units() as uow:
        await uow.catalogs.save(CATALOG)
        await uow.commit()
    events = history(length)
    Random(length).shuffle(events)  # noqa: S311 - the same order on every run
    house.clock.move_to(datetime.fromtimestamp(max(event["created"] for event in events), UTC))
    CountedLog.reads = Reads()
    for event in events:
        body = json.dumps(event).encode()
        signature = signature_header(body, SECRET, int(house.clock.now().timestamp()))
        assert (await house.post_webhook(body, signature)).status_code == 200
    house.clock.advance(timedelta(hours=2))
    while await house.application.retry_events("worker"):
        house.clock.advance(timedelta(hours=2))
    said = (await house.ask("GET", "/api/subscriptions/status/ada", user="ada")).json()
    assert said["subscription"]["quantity"] == length
    async with units() as uow:
        received = (await uow.inbox.page(None, 100_000)).rows
    assert {one.state for one in received} == {ReceivedState.APPLIED}
    await pool.close()
    return CountedLog.reads


async def test_twice_the_late_facts_are_read_about_twice_as_often(postgres_url: str, migrated_template: str) -> None:
    """Not four times, as where every late one folds its object anew."""
    reads = []
    for length in SIZES:
        with fresh_database(postgres_url, template=migrated_template) as url:
            reads.append(await cost_of(length, url))
    for fewer, more in pairwise(reads):
        assert more.facts < 2.5 * fewer.facts
        assert more.folds < 1.5 * fewer.folds
