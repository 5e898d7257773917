"""The stage for each rehearsal: in memory, where what it is about is what is charged and when; some on PostgreSQL.

That a store keeps what it is given is promised by the contracts, on both; `make test-long` plays each story on both.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from billing_core.ports.unit_of_work import UnitsOfWork
from billing_memory import MemoryUnitsOfWork
from billing_postgres import PostgresUnitsOfWork
from tests.contract.rehearsals.stage import Stage, rehearsing

STORES = ["memory", "postgres"] if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else ["memory"]


@pytest.fixture(params=STORES)
def units(request: pytest.FixtureRequest) -> UnitsOfWork:
    """Units of work on an empty store; see ON_POSTGRES."""
    if request.param == "memory":
        return MemoryUnitsOfWork()
    return PostgresUnitsOfWork(request.getfixturevalue("empty_pool"))


@pytest.fixture
async def stage(units: UnitsOfWork) -> AsyncIterator[Stage]:
    """A stage on which the account retries by itself, as Stripe does."""
    async with rehearsing(units) as found:
        yield found


@pytest.fixture
async def own_stage(units: UnitsOfWork) -> AsyncIterator[Stage]:
    """A stage on which the account's own retries are switched off: ours collects."""
    async with rehearsing(units, retry_days=()) as found:
        yield found
