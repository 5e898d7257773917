"""A dead letter, from what made it to the day it is done with, as docs/how-to/dead-letters.md tells an operator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import psycopg
import pytest

from billing_bootstrap.container import open_application
from billing_bootstrap.settings import OFFLINE, load_settings
from billing_worker.vital_signs import Watcher
from tests.e2e.operators import Billing, Shopper
from tests.e2e.running_dev import RunningDev

COMPLETED = "checkout.session.completed"


@pytest.fixture
def database(dev: RunningDev) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dev.settings["DATABASE_URL"], autocommit=True) as connection:
        yield connection


@pytest.fixture
def refusal(database: psycopg.Connection, user: str) -> Iterator[str]:
    """A rule that somebody added to a table by hand: what this user has paid for is not taken. The rule's name."""
    rule = f"no_{user.replace('-', '_')}"
    database.execute(
        f"ALTER TABLE purchases ADD CONSTRAINT {rule} CHECK (user_id <> '{user}' OR status <> 'completed') NOT VALID"
    )
    yield rule
    database.execute(f"ALTER TABLE purchases DROP CONSTRAINT IF EXISTS {rule}")


def dead_by_the_metric(dev: RunningDev) -> str:
    """What a worker shows."""

    async def looked() -> list[str]:
        async with open_application(load_settings(dev.environment, OFFLINE)) as application:
            await Watcher(application).queues("of a test")
            return application.metrics.text().decode().splitlines()

    lines = asyncio.run(looked())
    return next(line.split()[-1] for line in lines if line.startswith('billing_inbox_events{state="dead"}'))


def test_it_is_found_mended_and_replayed(
    dev: RunningDev,
    billing: Billing,
    shopper: Shopper,
    refusal: str,
    database: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One by its id, the others by a query; then the metric is down, and what was paid for is open."""
    course = ("access", "check", shopper.user_id, "course:k8s-101", "--json")
    shopper.buys("course", "k8s-101")
    listed = billing("events", "list", "--state", "failed", "--json").json["events"]
    failed = [event for event in listed if refusal in event["error"]]
    assert {one["type"] for one in failed} >= {COMPLETED, "payment_intent.succeeded"}
    monkeypatch.setenv("EVENT_ATTEMPTS_MAX", "1")  # what takes twelve tries else
    for event in failed:
        assert billing("events", "replay", event["event_id"], "--json").status == 1

    # What the one on call sees.
    assert dead_by_the_metric(dev) == str(float(len(failed)))
    doctor = billing("doctor")
    assert (doctor.status, f"events\tno\t{len(failed)} dead\t" in doctor.out) == (1, True)
    dead = {one["type"]: one for one in billing("events", "dead", "--json").json["events"]}
    assert len(dead) == len(failed)
    shown = billing("events", "show", dead[COMPLETED]["event_id"], "--json").json
    assert shown["error"] == f'CheckViolation: new row for relation "purchases" violates check constraint "{refusal}"'
    assert shown["payload"]["data"]["object"]["client_reference_id"] == shopper.user_id
    assert not billing(*course).json["decisions"][0]["allowed"]

    # Before it is mended another try changes nothing, and says so.
    again = billing("events", "replay", "--state", "dead", "--json")
    assert (again.status, {one["state"] for one in json.loads(again.out)["events"]}) == (1, {"dead"})
    monkeypatch.delenv("EVENT_ATTEMPTS_MAX")

    database.execute(f"ALTER TABLE purchases DROP CONSTRAINT {refusal}")
    assert billing("events", "replay", dead[COMPLETED]["event_id"], "--json").json["state"] == "applied"
    replayed = billing("events", "replay", "--state", "dead", "--json").json["events"]
    assert {one["state"] for one in replayed} == {"applied"}
    assert len(replayed) == len(failed) - 1

    assert billing("events", "dead", "--json").json["events"] == []
    assert dead_by_the_metric(dev) == "0.0"
    decision = billing(*course).json["decisions"][0]
    assert (decision["allowed"], decision["reason"]) == (True, "purchased")
    assert billing("rebuild", "--user", shopper.user_id, "--check", "--json").json["differences"] == {}
