"""Metrics of the composition root: what is counted at the ports."""

import socket
import urllib.request
from contextlib import closing

import pytest

from billing_bootstrap.counted import CountedCache
from billing_bootstrap.metrics import Metrics, served
from billing_bootstrap.variables import SettingsInvalid
from billing_bootstrap.watching import counting_exchanges
from billing_contracts.examples import user_access
from billing_memory import MemoryAccessCache
from billing_stripe import Exchange


async def test_the_cache_counts_what_it_knew() -> None:
    metrics = Metrics()
    cache = CountedCache(MemoryAccessCache(), metrics)

    assert await cache.get("user-1") is None
    await cache.put([user_access()], cache.moment())
    assert await cache.get("user-1") == user_access()
    assert await cache.get("user-1") == user_access()

    text = metrics.text().decode()
    assert 'billing_cache_lookups_total{result="hit"} 2.0' in text
    assert 'billing_cache_lookups_total{result="miss"} 1.0' in text


@pytest.mark.parametrize(("status", "label"), [(200, "200"), (402, "402"), (None, "none")])
def test_requests_to_stripe_are_counted_by_what_came_of_them(status: int | None, label: str) -> None:
    metrics = Metrics()
    exchange = Exchange("POST /v1/refunds")

    with counting_exchanges(metrics)(exchange):
        exchange.status = status

    text = metrics.text().decode()
    assert f'billing_stripe_requests_total{{operation="POST /v1/refunds",status="{label}"}} 1.0' in text
    assert 'billing_stripe_request_duration_seconds_count{operation="POST /v1/refunds"} 1.0' in text


def test_a_worker_shows_its_metrics_on_a_port_of_its_own() -> None:
    metrics = Metrics()
    metrics.job_handled.labels("publish events").inc(3)
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    with served(metrics, "127.0.0.1", port), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()

    assert 'billing_worker_handled_total{job="publish events"} 3.0' in text


@pytest.mark.parametrize("host", ["127.0.0.1", "no host"])
def test_a_port_that_cannot_be_had_is_told_as_a_setting(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsInvalid, match=f"WORKER_METRICS_PORT is {port}"), served(Metrics(), host, port):
            pass


def test_without_a_port_nothing_listens() -> None:
    with served(Metrics(), "127.0.0.1", None):
        pass
