"""The crowd that benchmarks load by COPY has the rows of learners of whom webhooks told."""

import psycopg
from attrs import evolve
from psycopg import sql

from benchmarks import services
from benchmarks.crowd import LEFT, TABLES, delivery, pattern_of
from benchmarks.mix import PLAN_PRICE, told_story
from billing_bootstrap.clocks import RealClock
from billing_contracts.examples import item, plan
from billing_core.domain.plans import Catalog
from billing_core.domain.policies import RetryPolicy
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.receive_event import ReceiveEvent
from billing_memory import MemoryAccessCache
from billing_postgres import PostgresUnitsOfWork, open_pool
from billing_stripe import StripeWebhookVerifier
from tests.databases import fresh_database

STORY = told_story()
#: When a row was written, and when a fact or whose customer it is became known to us: of each learner another moment.
TIMES = ["recorded_at", "updated_at", "linked_at"]
#: Where ``created_at`` is such a time, too; elsewhere the provider's objects tell it.
OF_ROWS = {"facts", "provider_objects", "user_stripe_mapping", "user_access"}


def rows(database_url: str) -> dict[str, set[str]]:
    """What stands in each table, but for the times of rows."""
    with psycopg.connect(database_url) as connection:
        return {
            table: {
                str(row)
                for (row,) in connection.execute(
                    sql.SQL("SELECT to_jsonb(one) - %s::text[] FROM {} AS one").format(sql.Identifier(table)),
                    [TIMES + ["created_at"] * (table in OF_ROWS)],
                )
            }
            for table in TABLES
        }


async def test_a_learner_who_is_loaded_is_one_of_whom_webhooks_told(postgres_url: str, migrated_template: str) -> None:
    """Row by row, whatever number they have; and their indexes are those of everybody."""
    with (
        fresh_database(postgres_url, template=migrated_template) as told,
        fresh_database(postgres_url, template=migrated_template) as loaded,
    ):
        pool = await open_pool(told)
        units, clock = PostgresUnitsOfWork(pool), RealClock()
        async with units() as uow:
            await uow.catalogs.save(Catalog(plans=(evolve(plan(), stripe_price_id=PLAN_PRICE),), items=(item(),)))
            await uow.commit()
        receive = ReceiveEvent(
            units=units,
            books=Bookkeeper(clock, MemoryAccessCache()),
            verifier=StripeWebhookVerifier([services.SECRET], livemode=False),
            clock=clock,
            real_clock=clock,
            retries=RetryPolicy(),
        )
        crowd = await pattern_of(receive, told, STORY)
        pattern = rows(told)
        for learner in (0, 1):
            for place in range(len(STORY) - LEFT):
                await receive(*delivery(STORY, place, learner))
        await pool.close()
        crowd.load(loaded, 2, title="two learners")
        assert rows(loaded) == {table: found - pattern[table] for table, found in rows(told).items()}
        assert indexes(loaded) == indexes(told)


def indexes(database_url: str) -> set[tuple[object, ...]]:
    """All that there are, with the constraints that they are."""
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid), contype FROM pg_index"
            " LEFT JOIN pg_constraint ON conindid = indexrelid WHERE indrelid::regclass::text NOT LIKE 'pg_%'"
        )
        return set(found.fetchall())
