"""Counting requests: by method, route and status, at the cost of a look into a dictionary."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from billing_bootstrap.metrics import Metrics

__all__ = ["RequestCounts"]


class RequestCounts:
    """Counts what is answered, and keeps the labelled metrics: to find one anew costs more than to count."""

    def __init__(self, metrics: Metrics) -> None:
        self._requests, self._seconds = metrics.requests, metrics.request_seconds
        self._kept: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer. There are only so many methods and routes: both are ours."""
        kept = self._kept.get((method, route, status))
        if kept is None:
            kept = self._requests.labels(method, route, str(status)), self._seconds.labels(method, route)
            self._kept[method, route, status] = kept
        kept[0].inc()
        kept[1].observe(seconds)
