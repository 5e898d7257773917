"""The server as a process: it serves on real PostgreSQL and Redis, says when it stops, and stops.

Started by its command where that is what is asked; else forked, which is the same process but for its imports.
"""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.contract.serving import (
    STARTED_WITHIN_SECONDS,
    free_port,
    served,
    server_environ,
    wait_until_it_answers,
)
from tests.forked import program


@pytest.fixture
def environ(database_url: str, redis_url: str) -> dict[str, str]:
    """All settings that a server needs, and a drain of a second."""
    return server_environ(database_url, redis_url, SHUTDOWN_DRAIN_SECONDS="1")


@contextmanager
def commanded(environ: Mapping[str, str], *arguments: str) -> Iterator[tuple["subprocess.Popen[bytes]", httpx.Client]]:
    """A server that was started by its command."""
    port = free_port()
    command = [sys.executable, "-m", "billing_http", "--port", str(port), *arguments]
    with (
        subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        try:
            wait_until_it_answers(client)
            yield process, client
        finally:
            process.kill()


def refused(environ: Mapping[str, str], port: int, folder: Path) -> str:
    """What a server says that does not start."""
    said = folder / "stderr"
    with program("billing_http", "--port", str(port), environ=environ, stderr=str(said)) as process:
        process.join(STARTED_WITHIN_SECONDS)
        assert process.exitcode == 1
    return said.read_text(encoding="utf-8")


def test_its_processes_serve_count_together_and_stop_when_they_are_told(environ: dict[str, str]) -> None:
    with commanded(environ, "--workers", "2") as (process, client):
        health = client.get("/api/health").json()
        plans = client.get("/api/subscriptions/plans")
        for _ in range(5):  # each on a connection of its own, which any of the processes may take
            httpx.get(f"{client.base_url}/api/subscriptions/plans")
        metrics = client.get("/metrics").text

        process.send_signal(signal.SIGTERM)

        assert process.wait(STARTED_WITHIN_SECONDS) == 0
    counted = 'billing_http_requests_total{method="GET",route="/api/subscriptions/plans",status="200"}'
    assert f"{counted} 6.0" in metrics.splitlines()
    assert (health["status"], plans.json()) == ("ok", {"plans": []})


def test_readiness_goes_before_the_port_does_and_told_again_it_stops_at_once(environ: dict[str, str]) -> None:
    with served({**environ, "SHUTDOWN_DRAIN_SECONDS": "3600"}) as (process, client):
        before = client.get("/api/health/ready").status_code

        process.terminate()
        while client.get("/api/health/ready").status_code == 200:
            time.sleep(0.01)

        assert before == 200
        assert client.get("/api/subscriptions/plans").status_code == 200

        process.terminate()

        process.join(STARTED_WITHIN_SECONDS)
        assert process.exitcode == 0


def test_it_starts_without_database_and_redis_and_says_so(environ: dict[str, str]) -> None:
    away = {
        "DATABASE_URL": f"postgresql://127.0.0.1:{free_port()}/x",
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
    }
    with served({**environ, **away}) as (_, client):
        health = client.get("/api/health")
        plans = client.get("/api/subscriptions/plans")

    assert (health.status_code, health.json()["status"]) == (503, "unavailable")
    assert health.json()["checks"]["cache"]["status"] == "degraded"
    assert (plans.status_code, plans.json()["code"]) == (503, "unavailable")


def test_a_missing_setting_is_named_and_nothing_starts(environ: dict[str, str]) -> None:
    del environ["JWT_SECRET"]
    command = [sys.executable, "-m", "billing_http", "--port", str(free_port())]

    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    assert "- JWT_SECRET is not set." in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken_is_a_failure(environ: dict[str, str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = refused(environ, taken.getsockname()[1], tmp_path)

    assert "address already in use" in said
    assert "Traceback" not in said


def test_business_time_ahead_is_refused_outside_of_dev(
    environ: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(b"UPDATE business_clock SET offset_seconds = 86400")

    assert "business time is 1 day" in refused(environ, free_port(), tmp_path)
