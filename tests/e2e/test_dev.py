"""`billing dev`: it starts whole, keeps what it should, and never leaves anything behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import billing_migrations
from billing_bootstrap.container import open_application
from billing_bootstrap.settings import OFFLINE, load_settings
from billing_cli.calls import Server
from billing_core.domain.callers import Caller, Role
from tests.builders import K8S
from tests.databases import empty_redis_database, fresh_database
from tests.e2e.running_dev import (
    RunningDev,
    answers,
    assert_nothing_is_left,
    clean_environment,
    eventually,
    read_env,
    started_dev,
)

SUE = Caller("sue", frozenset({Role.ADMIN}))
GRANT = {"resource_type": "course", "resource_id": "k8s-101", "reason": "to see whether it stays"}


def grants_of(dev: RunningDev, user: str) -> list[str]:
    answer = dev.api(dev.settings["ADMIN_TOKEN"]).get(f"/api/access/{user}")
    assert answer.status == 200, answer.text
    return [grant["resource_id"] for grant in answer.json["grants"]]


def test_it_says_where_everything_is_and_its_tokens_open_the_api(dev: RunningDev) -> None:
    settings = dev.settings
    for name in ("BILLING_URL", "DATABASE_URL", "REDIS_URL", "STRIPE_API_BASE", "LEARNER_TOKEN", "ADMIN_TOKEN"):
        assert settings[name] in dev.output()

    assert dev.api().get("/api/subscriptions/status/learner-1").status == 401
    assert dev.api(settings["LEARNER_TOKEN"]).get("/api/subscriptions/status/learner-1").status == 200
    assert dev.api(settings["LEARNER_TOKEN"]).get("/api/subscriptions/status/admin-1").status == 403
    assert dev.api(settings["ADMIN_TOKEN"]).get("/api/subscriptions/status/learner-1").status == 200


def test_what_its_parts_say_is_read_at_once(dev: RunningDev) -> None:
    """Also by another program, such as `make dev | tee dev.log`: a line, not some kilobytes later."""
    answer = dev.api().get("/api/subscriptions/plans")

    request_id = answer.headers["x-request-id"]
    eventually([request_id], lambda: re.findall(request_id, dev.output()), seconds_max=10)


def test_everything_it_says_is_healthy(dev: RunningDev) -> None:
    health = dev.api().get("/api/health").json

    assert health["status"] == "ok", health


def test_no_program_that_it_starts_tells_a_secret_by_its_arguments(dev: RunningDev) -> None:
    """Everybody on the machine can read them."""
    secrets = [value for name, value in dev.settings.items() if re.search("SECRET|TOKEN|KEY", name) and value]

    assert [line for line in dev.pids().values() if any(secret in line for secret in secrets)] == []
    assert len(secrets) > 5


def test_kill_9_leaves_nothing_and_the_next_start_finds_everything_as_it_was(dev: RunningDev, user: str) -> None:
    """What Ctrl-C leaves is asked when all tests with this one have run: see its fixture."""
    before = dev.settings
    made = dev.api(before["ADMIN_TOKEN"]).send("POST", f"/api/access/{user}/grants", GRANT)
    assert made.status == 201, made.text

    dev.process.kill()
    dev.process.wait()

    assert_nothing_is_left(dev)
    dev.start()
    dev.until_it_says("Ready.")
    assert grants_of(dev, user) == ["k8s-101"]
    for name in ("JWT_SECRET", "STRIPE_WEBHOOK_SECRET", "DATABASE_URL", "STRIPE_API_BASE"):
        assert dev.settings[name] == before[name], name


async def granted_in(database_url: str) -> None:
    """Make the tables, and give a learner something."""
    billing_migrations.apply(database_url)
    async with open_application(load_settings({"DATABASE_URL": database_url}, OFFLINE)) as application:
        await application.grant_by_hand(SUE, "learner-1", K8S.resource, reason=GRANT["reason"])


def test_a_part_that_dies_brings_the_rest_down_with_its_last_lines(dev_folder: Path, dev: RunningDev) -> None:
    """Here with a database and a Redis of the user's own, which are used, and left alone, with --reset too."""
    with (
        fresh_database(dev.settings["DATABASE_URL"]) as database_url,
        empty_redis_database(dev.settings["REDIS_URL"]) as redis_url,
    ):
        asyncio.run(granted_in(database_url))
        given = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        with started_dev(dev_folder / "given", "--reset", environment=given) as own:
            own.until_it_says("Ready.")
            assert {name: own.settings[name] for name in given} == given
            assert grants_of(own, "learner-1") == ["k8s-101"]
            plans = own.api().get("/api/subscriptions/plans").json["plans"]
            assert "pro-monthly" in {plan["id"] for plan in plans}
            (worker,) = (pid for pid, line in own.pids().items() if "billing_cli worker" in line)
            os.kill(worker, signal.SIGKILL)

            assert own.ended() == 1
            assert "worker ended by itself. The last that it said:" in own.output()
            assert "billing: worker ended with status -9, so everything was stopped." in own.output()
            assert own.left_behind() == {}
        assert not (dev_folder / "given" / "database").exists()


def test_what_is_killed_is_started_again_where_it_was(dev: RunningDev) -> None:
    """Redis, PostgreSQL and the sandbox: to try an outage takes no more than a kill."""

    def killed(command: str) -> None:
        (pid,) = (pid for pid, line in dev.pids().items() if command in line)
        os.kill(pid, signal.SIGKILL)
        eventually(1, lambda: sum(command in line for other, line in dev.pids().items() if other != pid))

    plans = dev.api().get("/api/subscriptions/plans").json
    for command in ("valkey", "bin/postgres -D", "billing_sandbox --port"):
        killed(command)

    eventually("ok", lambda: dev.api().get("/api/health").json["status"])
    eventually([], lambda: [name for name in ("STRIPE_API_BASE", "REDIS_URL") if not answers(dev.settings[name])])
    assert dev.api().get("/api/subscriptions/plans").json == plans
    said = "database ended by itself, and is started again where it was."
    eventually([said], lambda: re.findall(said, dev.output()))


def test_business_time_follows_the_sandbox_whoever_moves_its_clock(dev: RunningDev) -> None:
    """Here by the sandbox's own control API: what ends in two days has ended three days later."""
    sandbox = Server(dev.settings["STRIPE_API_BASE"], "The sandbox")
    now = datetime.fromisoformat(sandbox.get("/_sandbox/clock").json["iso"])
    admin = dev.api(dev.settings["ADMIN_TOKEN"])
    until = (now + timedelta(days=2)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert admin.send("POST", "/api/access/traveller/grants", GRANT | {"expires_at": until}).status == 201

    def reason() -> object:
        return admin.get("/api/access/traveller/course/k8s-101").json["reason"]

    assert reason() == "granted_manually"
    assert sandbox.send("POST", "/_sandbox/advance", {"by": "3d"}).status == 200
    eventually("expired", reason)


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What `billing dev` says when it does not even begin. One that begins would not end by itself: it is stopped."""
    for name in os.environ.keys() - clean_environment().keys():
        monkeypatch.delenv(name)

    def told(*arguments: str) -> str:
        command = [sys.executable, "-m", "billing_cli", "dev", *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert (ended.returncode, ended.stdout) == (1, ""), ended.stderr
        assert ended.stderr.count("\n") == 1
        return ended.stderr

    return told


def test_a_port_that_is_taken_is_named(dev: RunningDev, tmp_path: Path, refused: Callable[..., str]) -> None:
    assert answers(dev.settings["BILLING_URL"]), dev.output()

    said = refused("--port", str(dev.port), "--data", str(tmp_path))

    assert said.startswith(f"billing: Port {dev.port} is taken: give another one")


def test_two_at_once_in_one_folder_are_refused(dev: RunningDev, refused: Callable[..., str]) -> None:
    assert "Another `billing dev` runs in" in refused("--port", "1", "--data", str(dev.folder))


@pytest.mark.parametrize("key", ["sk_live_0123456789abcdef", "rk_live_0123456789abcdef"])
def test_a_live_key_is_refused_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Callable[..., str], key: str
) -> None:
    folder = tmp_path / "dev"
    monkeypatch.setenv("STRIPE_SECRET_KEY", key)

    said = refused("--data", str(folder))

    assert "STRIPE_SECRET_KEY is a live key" in said
    assert key not in said
    assert not folder.exists()


def test_dev_env_is_enough_for_another_program_to_join_in(dev: RunningDev) -> None:
    script = f'set -a; . "{dev.folder / "dev.env"}"; exec "{sys.executable}" -m billing_cli doctor --json'
    # Where months passed a moment ago, what was not published by then seems to wait since months.
    eventually("ok", lambda: dev.api().get("/api/health").json["checks"]["worker"]["status"])

    ended = subprocess.run(
        ["/bin/sh", "-c", script], env=clean_environment(), capture_output=True, text=True, timeout=60, check=False
    )

    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    assert read_env(dev.folder / "dev.env")["BILLING_ENV"] == "dev"
