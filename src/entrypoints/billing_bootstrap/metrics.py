"""Metrics: what this process counts, in Prometheus' words. docs/reference/metrics.md says what each means.

With several server processes on one port each answers for all of them: `shared_between_processes` has them write to
files that whoever is asked adds up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from billing_bootstrap.release import RELEASE
from billing_bootstrap.variables import Fault, SettingsInvalid

__all__ = ["CONTENT_TYPE", "Metrics", "served", "shared_between_processes"]

CONTENT_TYPE = CONTENT_TYPE_LATEST

#: Where the processes of one server write what they count; prometheus_client looks for it when it is imported.
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)


class Metrics:
    """Every metric. Counting costs a microsecond or two, so the hot path keeps its labelled children."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry, multiprocess_mode="livesum")

        def measured(name: str, text: str, *labels: str, buckets: tuple[float, ...] = _FAST) -> Histogram:
            return Histogram(name, text, labels, registry=registry, buckets=buckets)

        self.requests = counter("billing_http_requests", "Requests that were answered.", "method", "route", "status")
        self.request_seconds = measured(
            "billing_http_request_duration_seconds",
            "Seconds from a request to the end of its answer.",
            "method",
            "route",
        )
        self.deliveries = counter(
            "billing_webhook_deliveries", "Webhooks, by what became of the event at once.", "outcome"
        )
        self.cache_lookups = counter("billing_cache_lookups", "Questions to the cache of access.", "result")
        self.redis_failures = counter(
            "billing_redis_failures", "Calls to Redis that failed, by what they were for.", "use"
        )
        self.pool_connections = gauge(
            "billing_database_pool_connections", "Connections of the pool, used and idle.", "state"
        )
        self.pool_waiting = gauge("billing_database_pool_waiting", "Units of work that wait for a connection.")
        self.stripe_requests = counter(
            "billing_stripe_requests", "Requests to Stripe; 'none' where no answer came.", "operation", "status"
        )
        self.stripe_seconds = measured(
            "billing_stripe_request_duration_seconds", "Seconds that Stripe took to answer.", "operation", buckets=_SLOW
        )
        self.job_runs = counter(
            "billing_worker_runs", "Runs of a worker's job: done, idle or failed.", "job", "outcome"
        )
        self.job_handled = counter("billing_worker_handled", "What the runs of a job dealt with.", "job")
        self.job_seconds = measured(
            "billing_worker_run_duration_seconds", "Seconds of the runs that had something to do.", "job", buckets=_SLOW
        )
        self.job_succeeded = gauge(
            "billing_worker_last_success_timestamp_seconds", "When a job last ended well, in Unix time.", "job"
        )
        self.inbox_events = gauge("billing_inbox_events", "Received events that are not done with.", "state")
        self.inbox_age = gauge(
            "billing_inbox_oldest_event_age_seconds", "Seconds since the oldest of them was received.", "state"
        )
        self.outbox_events = gauge("billing_outbox_unpublished_events", "Events for others that are not published.")
        self.outbox_lag = gauge("billing_outbox_lag_seconds", "Seconds since the oldest of them was recorded.")
        self.operations_pending = gauge("billing_operations_pending", "Operations at Stripe whose outcome is open.")
        self.operations_age = gauge(
            "billing_operations_oldest_pending_age_seconds", "Seconds since the oldest of them was wanted."
        )
        self.violations = gauge("billing_invariant_violations", "Things that are as they must never be.", "invariant")
        self.build = gauge("billing_build_info", "How many processes run this version.", "version")
        self.build.labels(RELEASE).set(1)

    def text(self) -> bytes:
        """Everything that was counted, by all processes of this server."""
        if _FOLDER not in os.environ:
            return generate_latest(self.registry)
        _forget_the_dead(Path(os.environ[_FOLDER]))
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]  # the library leaves it untyped
        return generate_latest(everybody)


def _forget_the_dead(folder: Path) -> None:
    """What a process that is gone said about its own present is no longer true; what it counted stays."""
    for file in folder.glob("gauge_live*_*.db"):
        process = int(file.stem.rpartition("_")[2])
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            mark_process_dead(process, str(folder))  # type: ignore[no-untyped-call]  # the library leaves it untyped


@contextmanager
def served(metrics: Metrics, host: str, port: int | None) -> Iterator[None]:
    """``/metrics`` on a port of its own, from a thread, while the context lasts; nothing where there is no port.

    Raises `SettingsInvalid` where the port cannot be had.
    """
    if port is None:
        yield
        return
    try:
        server, thread = start_http_server(port, host, metrics.registry)
    except OSError as error:
        wrong = f"is {port}, where nothing can listen at {host}: {error.strerror}."
        raise SettingsInvalid(
            (Fault("WORKER_METRICS_PORT", wrong, "WORKER_METRICS_PORT=9101, one for each"),)
        ) from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def shared_between_processes() -> Iterator[None]:
    """Processes that are started meanwhile count together."""
    with TemporaryDirectory(prefix="billing-metrics-") as folder:
        os.environ[_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[_FOLDER]
