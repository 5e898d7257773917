"""Every history by hand, told over HTTP to two servers on PostgreSQL by eight at once, while a worker is at work.

What the API says then is what one house on fakes says that was told them in order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx
import pytest

from billing_postgres import PostgresUnitsOfWork, open_pool
from tests.component.http.house import House
from tests.component.http.test_histories import HISTORIES, a_told_house, as_ada, told_to
from tests.contract.many import running, settled, tell
from tests.contract.serving import AT_ONCE, bearer, server_environ
from tests.sandbox_lives import OLDER, TODAY
from tests.told_over_http import CATALOG, about, everything
from tests.unit.stripe.stripe_json import Obj


def _twice_by_chance(events: Sequence[Obj]) -> list[Obj]:
    return Random(len(events)).sample([*events, *events], 2 * len(events))  # noqa: S311 - the same on every run


WAYS: dict[str, Callable[[Sequence[Obj]], list[Obj]]] = {
    "in order": list,
    "the other way round": lambda events: list(reversed(events)),
    "twice, by chance": _twice_by_chance,
}


@pytest.mark.parametrize("way", WAYS)
async def test_told_by_many_at_once_the_api_says_the_same(database_url: str, redis_url: str, way: str) -> None:
    pool = await open_pool(database_url)
    units = PostgresUnitsOfWork(pool)
    async with units() as uow:
        await uow.catalogs.save(CATALOG)
        await uow.commit()
    users = {f"ada{place}": name for place, name in enumerate(HISTORIES)}
    arrived = [event for user, name in users.items() for event in about(WAYS[way](HISTORIES[name].events), user)]
    dice = Random(way)  # noqa: S311 - the same shapes on every run
    shaped = [(event, dice.choice([OLDER, TODAY]) if event["api_version"] >= "2025" else None) for event in arrived]

    with running(server_environ(database_url, redis_url), servers=2, workers=1) as urls:
        await tell(urls, shaped)
        await settled(units)
        said = {user: await _said_by(urls[0], user) for user in users}
    looking, alone = House(units=units), await a_told_house()
    for house in (looking, alone):
        house.clock.move_to(datetime.fromtimestamp(int(time.time()), UTC))
    reports = await looking.application.check_vital_signs.invariants()
    await pool.close()

    for user, name in users.items():
        assert said[user] == await told_to(alone, HISTORIES[name].events, user), name
    assert {report.invariant: report.examples for report in reports if report.count} == {}


async def _said_by(url: str, user: str) -> Any:  # noqa: ANN401 - JSON
    async with httpx.AsyncClient(base_url=url, timeout=30, limits=AT_ONCE, headers=bearer(user)) as client:

        async def get(path: str) -> Any:  # noqa: ANN401 - JSON
            return (await client.get(path)).json()

        return as_ada(await everything(get, user), user)
