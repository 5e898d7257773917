"""What holds the benchmarks to their word is seen to bite."""

import psycopg
import pytest

from benchmarks.webhooks import refuse_what_is_not_durable
from tests.databases import fresh_database


def test_no_event_is_stored_by_a_session_that_does_not_wait_for_the_disk(
    postgres_url: str, migrated_template: str
) -> None:
    """As soon as the database of a measurement was told so, and of any number of events."""
    stored = b"INSERT INTO received_events SELECT * FROM received_events"
    with fresh_database(postgres_url, template=migrated_template) as url:
        refuse_what_is_not_durable(url)
        with psycopg.connect(url, options="-c synchronous_commit=on") as durable:
            durable.execute(stored)
        with (
            psycopg.connect(url, options="-c synchronous_commit=off") as quick,
            pytest.raises(psycopg.errors.RaiseException, match="synchronous_commit is off"),
        ):
            quick.execute(stored)
