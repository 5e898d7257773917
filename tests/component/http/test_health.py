"""Health over HTTP, and metrics for nobody from outside."""

import resource
from datetime import timedelta
from typing import Any

import httpx
import pytest
from attrs import evolve

from billing_core.domain.errors import ConcurrentChange, StorageUnavailable
from tests.component.http.house import SETTINGS, House


@pytest.fixture
def own_house() -> House:
    """A house of this test's own, to break things in."""
    return House()


async def test_all_is_well(house: House) -> None:
    answer = await house.ask("GET", "/api/health", user=None)

    assert answer.status_code == 200
    assert answer.json().keys() == {"status", "version", "checks"}
    assert answer.json()["status"] == "ok"
    assert {name: check["status"] for name, check in answer.json()["checks"].items()} == {
        "database": "ok",
        "cache": "ok",
        "worker": "ok",
    }
    assert answer.json()["checks"]["cache"]["latency_ms"] == 0.5


async def test_without_the_cache_it_is_degraded(own_house: House) -> None:
    own_house.watched.cache_ms = None

    answer = await own_house.ask("GET", "/api/health", user=None)

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["cache"] == {"status": "degraded", "latency_ms": None}


@pytest.mark.parametrize(("seconds", "status"), [(59, "ok"), (60, "degraded")])
async def test_events_that_wait_for_a_minute_say_that_no_worker_runs(
    own_house: House, seconds: int, status: str
) -> None:
    own_house.waiting_since = own_house.clock.now() - timedelta(seconds=seconds)

    answer = await own_house.ask("GET", "/api/health", user=None)

    assert answer.json()["status"] == status
    assert answer.json()["checks"]["worker"] == {"status": status, "latency_ms": seconds * 1000.0}


async def test_without_the_database_it_is_unavailable(own_house: House) -> None:
    own_house.watched.database_error = StorageUnavailable()

    health = await own_house.ask("GET", "/api/health", user=None)
    ready = await own_house.ask("GET", "/api/health/ready", user=None)
    live = await own_house.ask("GET", "/api/health/live", user=None)

    assert (health.status_code, health.json()["status"]) == (503, "unavailable")
    assert health.json()["checks"]["database"] == {"status": "unavailable", "latency_ms": None}
    assert (ready.status_code, ready.json()) == (503, {"status": "unavailable"})
    assert (live.status_code, live.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("error", [ConcurrentChange(), OSError("too many open files"), RuntimeError("nobody knows")])
async def test_whatever_befalls_the_parts_health_says_it_of_each(own_house: House, error: Exception) -> None:
    own_house.watched.database_error = own_house.watched.cache_error = own_house.waiting_error = error

    health = await own_house.ask("GET", "/api/health", user=None)
    ready = await own_house.ask("GET", "/api/health/ready", user=None)

    assert (health.status_code, ready.status_code) == (503, 503)
    assert {name: check["status"] for name, check in health.json()["checks"].items()} == {
        "database": "unavailable",
        "cache": "degraded",
        "worker": "unavailable",
    }


async def test_a_process_that_can_open_no_more_files_still_says_how_it_is(own_house: House) -> None:
    """Every connection is a file: thousands that are idle leave none for anything else."""
    await own_house.ask("GET", "/api/health/live", user=None)  # what is made once is made
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        answer = await own_house.ask("GET", "/api/health", user=None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


async def test_once_shutdown_began_no_more_requests_are_wanted(own_house: House) -> None:
    before = await own_house.ask("GET", "/api/health/ready", user=None)
    own_house.http.readiness.stopping = True

    after = await own_house.ask("GET", "/api/health/ready", user=None)
    still = await own_house.ask("GET", "/api/subscriptions/plans", user=None)

    assert (before.status_code, after.status_code, still.status_code) == (200, 503, 200)


async def test_metrics_count_answers_by_route(own_house: House) -> None:
    await own_house.ask("GET", "/api/subscriptions/plans", user=None)
    await own_house.ask("GET", "/api/access/ann", user=None)

    answer = await own_house.ask("GET", "/metrics", user=None)

    assert answer.headers["content-type"].startswith("text/plain")
    plans = 'method="GET",route="/api/subscriptions/plans"'
    assert f'billing_http_requests_total{{{plans},status="200"}} 1.0' in answer.text
    assert 'billing_http_requests_total{method="GET",route="/api/access/{user_id}",status="401"} 1.0' in answer.text
    assert f"billing_http_request_duration_seconds_count{{{plans}}} 1.0" in answer.text


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
async def test_metrics_are_not_shown_through_a_proxy_that_nobody_named(own_house: House, header: str) -> None:
    """A proxy on the same machine would make everybody a caller from loopback."""
    answer = await own_house.ask("GET", "/metrics", user=None, headers={header: "192.0.2.1"})

    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("address", "status"), [("127.0.0.1", 404), ("10.1.2.3", 200), ("192.0.2.1", 404), ("unknown", 404)]
)
async def test_metrics_are_kept_from_the_public(address: str, status: int) -> None:
    app: Any = House(evolve(SETTINGS, metrics_allowed=("10.0.0.0/8",))).http
    transport = httpx.ASGITransport(app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://billing.test") as client:
        assert (await client.get("/metrics")).status_code == status
