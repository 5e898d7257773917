"""Tracing: spans of OpenTelemetry across HTTP, SQL, Redis, Stripe and the worker, where an exporter is configured.

Where none is, nothing of this is in the way: ports and routes are surrounded by spans only if there is somebody to
send them to. What a span says is what a log may say: statements without values, routes without paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import structlog
from attrs import frozen
from opentelemetry.context import Context
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as StartedSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, format_trace_id

from billing_bootstrap.release import RELEASE
from billing_stripe import Exchange

__all__ = ["Tracing", "open_tracing"]

_IDLE = "billing.idle"
_SERVER_ERROR = 500


class _WithoutIdleRuns(SpanProcessor):
    """Sends a trace that began here once its first span ends, unless that was a run with nothing to do.

    All else is sent at once. What goes on in a caller's trace is no run, and several requests may at the same time.
    What ends after the first span comes from a task that goes on for others: it has the context of who began it.
    """

    def __init__(self, onward: SpanProcessor) -> None:
        self._onward = onward
        #: What ended so far, of each trace that began here and whose first span has not ended.
        self._waiting: dict[int, list[ReadableSpan]] = {}

    def on_start(self, span: StartedSpan, parent_context: Context | None = None) -> None:  # noqa: ARG002 - as it is called
        """Keep what its trace brings, where it begins one."""
        if span.parent is None:
            self._waiting[_trace_id(span)] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Keep it, or send it, or all that was kept of its trace."""
        kept = self._waiting.get(_trace_id(span))
        if kept is None:
            self._onward.on_end(span)
            return
        kept.append(span)
        if span.parent is not None:
            return
        del self._waiting[_trace_id(span)]
        if not (span.attributes or {}).get(_IDLE):
            for one in kept:
                self._onward.on_end(one)

    def shutdown(self) -> None:
        """Send what is left, and end."""
        self._onward.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what is ready."""
        return self._onward.force_flush(timeout_millis)


def _trace_id(span: ReadableSpan) -> int:
    return span.context.trace_id if span.context else 0


@frozen
class Tracing:
    """Makes spans. Each is ended, and says that it failed, when its ``with`` block is left."""

    _tracer: Tracer
    _provider: TracerProvider

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Callable[[str, int], None]]:
        """A request that was received; what it gives is told the route and the status. The caller's trace goes on."""
        context = extract(headers)
        with self._tracer.start_as_current_span(method, context, SpanKind.SERVER) as span:
            span.set_attribute("http.request.method", method)
            _name_in_logs(span)

            def answered(route: str, status: int) -> None:
                span.update_name(f"{method} {route}")
                span.set_attributes({"http.route": route, "http.response.status_code": status})
                if status >= _SERVER_ERROR:
                    span.set_status(Status(StatusCode.ERROR))

            yield answered

    @contextmanager
    def run(self, job: str) -> Iterator[Callable[[int], None]]:
        """A run of a worker's job; what it gives is told how much there was to do. Idle runs are not sent."""
        with self._tracer.start_as_current_span(f"job {job}") as span:
            _name_in_logs(span)

            def done(count: int) -> None:
                span.set_attributes({"billing.job": job, "billing.handled": count, _IDLE: not count})

            yield done

    def statement(self, text: str) -> AbstractContextManager[Span]:
        """A statement on its way to PostgreSQL, without values."""
        words = text.split(maxsplit=1)
        attributes = {"db.system.name": "postgresql", "db.query.text": " ".join(text.split())}
        return self._outward(f"SQL {words[0].rstrip(';') if words else ''}", attributes)

    def command(self, name: str) -> AbstractContextManager[Span]:
        """A command on its way to Redis, without arguments."""
        return self._outward(f"Redis {name}", {"db.system.name": "redis", "db.operation.name": name})

    @contextmanager
    def exchange(self, exchange: Exchange) -> Iterator[None]:
        """A request to Stripe."""
        method, _, path = exchange.operation.partition(" ")
        attributes = {"http.request.method": method, "url.template": path, "server.address": "stripe"}
        with self._outward(f"Stripe {exchange.operation}", attributes) as span:
            yield
            if exchange.status is not None:
                span.set_attribute("http.response.status_code", exchange.status)

    def _outward(self, name: str, attributes: Mapping[str, str]) -> AbstractContextManager[Span]:
        return self._tracer.start_as_current_span(name, kind=SpanKind.CLIENT, attributes=attributes)


def _name_in_logs(span: Span) -> None:
    structlog.contextvars.bind_contextvars(trace_id=format_trace_id(span.get_span_context().trace_id))


def open_tracing(exporter: SpanExporter | None = None) -> Tracing:
    """Tracing that sends to ``exporter``, by default to where ``OTEL_EXPORTER_OTLP_ENDPOINT`` points. Close it.

    OpenTelemetry reads the rest of its own variables, such as ``OTEL_SERVICE_NAME`` and ``OTEL_TRACES_SAMPLER``.
    """
    if exporter is None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - takes half a second
            OTLPSpanExporter,
        )

        exporter = OTLPSpanExporter()
    named = Resource.create().merge(Resource({"service.version": RELEASE}))
    if str(named.attributes.get("service.name", "")).startswith("unknown_service"):
        named = named.merge(Resource({"service.name": "billing"}))
    provider = TracerProvider(resource=named)
    provider.add_span_processor(_WithoutIdleRuns(BatchSpanProcessor(exporter)))
    return Tracing(provider.get_tracer("billing", RELEASE), provider)
