"""The stage for each rehearsal, on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from billing_postgres import Pool, PostgresUnitsOfWork
from tests.contract.rehearsals.stage import Stage, rehearsing


@pytest.fixture
async def stage(empty_pool: Pool) -> AsyncIterator[Stage]:
    """A stage on which the account retries by itself, as Stripe does."""
    async with rehearsing(PostgresUnitsOfWork(empty_pool)) as found:
        yield found


@pytest.fixture
async def own_stage(empty_pool: Pool) -> AsyncIterator[Stage]:
    """A stage on which the account's own retries are switched off: ours collects."""
    async with rehearsing(PostgresUnitsOfWork(empty_pool), retry_days=()) as found:
        yield found
