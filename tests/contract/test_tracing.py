"""Traces go through everything: from a request to each statement, command and call that it makes."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from attrs import define, evolve, field
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

import billing_bootstrap.tracing
from billing_bootstrap.container import open_application
from billing_bootstrap.settings import Settings
from billing_bootstrap.tracing import Tracing, open_tracing
from billing_core.domain.errors import ProviderError
from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_http.app import build
from billing_worker.loops import Job, work

TRACE = "0af7651916cd43dd8448eb211c80319c"


@define
class Kept(SpanExporter):
    """An exporter that keeps what it is given."""

    spans: list[ReadableSpan] = field(factory=list)

    def export(self, spans: object) -> SpanExportResult:
        self.spans.extend(spans)  # type: ignore[arg-type]  # a sequence of spans
        return SpanExportResult.SUCCESS

    def names(self) -> list[str]:
        return [span.name for span in self.spans]

    def of(self, name: str) -> ReadableSpan:
        (found,) = (span for span in self.spans if span.name == name)
        return found


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
async def tracing(kept: Kept) -> AsyncIterator[Tracing]:
    """Tracing that keeps its spans here."""
    tracing = open_tracing(kept)
    yield tracing
    tracing.close()


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    """Real servers, and a Stripe that nobody answers for."""
    return Settings(
        environment="test",
        database_url=database_url,
        redis_url=redis_url,
        stripe_secret_key="sk_test_1",
        stripe_api_base="http://127.0.0.1:1",
        jwt_algorithms=("HS256",),
        jwt_secret="an access secret of more than 32 characters",
        jwt_refresh_secret="a refresh secret of more than 32 characters",
    )


async def test_a_request_goes_on_from_its_caller_down_to_the_database(
    settings: Settings, kept: Kept, tracing: Tracing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(billing_bootstrap.tracing, "open_tracing", lambda: tracing)
    async with open_application(evolve(settings, tracing_endpoint="http://127.0.0.1:4318")) as application:
        transport = httpx.ASGITransport(build(application))  # type: ignore[arg-type]  # plain ASGI
        async with httpx.AsyncClient(transport=transport, base_url="http://billing.test") as client:
            await client.get("/api/subscriptions/plans", headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
        with pytest.raises(ProviderError):
            await application.link_customer.lookup.fetch(ObjectRef(ObjectKind.CUSTOMER, "cus_1"))

    request = kept.of("GET /api/subscriptions/plans")
    within = [span for span in kept.spans if span.parent and span.parent.span_id == request.context.span_id]
    assert format(request.context.trace_id, "032x") == TRACE
    assert (request.attributes or {})["http.response.status_code"] == 200
    assert {span.name for span in within} - {"Redis SCRIPT LOAD"} == {
        "Redis EVALSHA",
        "Redis MGET",
        "SQL BEGIN",
        "SQL SELECT",
        "SQL ROLLBACK",
    }
    assert "catalog_state" in str([(span.attributes or {}).get("db.query.text") for span in within])
    call = kept.spans[-1] if kept.spans[-1].name.startswith("Stripe") else kept.of("Stripe GET /v1/customers/{id}")
    assert call.name == "Stripe GET /v1/customers/{id}"
    assert not call.status.is_ok


async def test_commands_to_redis_are_spans(settings: Settings, kept: Kept, tracing: Tracing) -> None:
    from billing_redis import RateLimiter, RedisAccessCache, open_redis  # noqa: PLC0415 - whoever runs the fakes alone needs no driver

    link = open_redis(settings.redis_url, watch=tracing.command, timeout_seconds=5)
    await RedisAccessCache(link).get("ann@example.com")
    await RateLimiter("9/day", link).hit("user", "ann@example.com")
    await link.close()
    tracing.close()

    assert {"Redis MGET", "Redis EVALSHA"} <= set(kept.names())
    assert "ann@example.com" not in str([span.attributes for span in kept.spans])


async def test_a_run_with_something_to_do_is_a_span_and_an_idle_one_is_none(kept: Kept, tracing: Tracing) -> None:
    stop, left = asyncio.Event(), [0, 0, 3]

    async def do(_worker: str) -> int:
        done = left.pop(0)
        with tracing.statement("SELECT 1"):
            pass
        if not left:
            stop.set()
        return done

    await work([Job(name="publish events", do=do, pause_seconds=0.001)], "worker-1", stop, spans=tracing)
    tracing.close()

    assert sorted(kept.names()) == ["SQL SELECT", "job publish events"]
    assert (kept.of("job publish events").attributes or {})["billing.handled"] == 3


async def test_what_goes_on_for_others_after_its_request_is_sent_too(kept: Kept, tracing: Tracing) -> None:
    """A task that asks for all who wait has the context of the first of them, long after that one was answered."""
    answered = asyncio.Event()

    async def go_on_for_others() -> None:
        with tracing.command("MGET"):
            await answered.wait()
        with tracing.statement("SELECT 1"):
            pass

    with tracing.request("GET", {}):
        going_on = asyncio.create_task(go_on_for_others())
        await asyncio.sleep(0)
    answered.set()
    await going_on
    tracing.close()

    assert kept.names() == ["GET", "Redis MGET", "SQL SELECT"]


async def test_two_requests_of_one_trace_at_once_lose_no_span_of_each_other(kept: Kept, tracing: Tracing) -> None:
    """Who traces what they do asks for several things in one trace."""
    may_end = {"GET": asyncio.Event(), "POST": asyncio.Event()}

    async def ask(method: str) -> None:
        with tracing.request(method, {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}):
            with tracing.command("MGET"):
                pass
            await may_end[method].wait()
            with tracing.statement("SELECT 1"):
                pass

    asking = [asyncio.create_task(ask(method)) for method in may_end]
    await asyncio.sleep(0)
    for ending, one in zip(may_end.values(), asking, strict=True):
        ending.set()
        await one
    tracing.close()

    assert kept.names() == ["Redis MGET", "Redis MGET", "SQL SELECT", "GET", "SQL SELECT", "POST"]


async def test_without_an_endpoint_nothing_is_traced(settings: Settings) -> None:
    """No port is surrounded by anything, no route either."""
    async with open_application(settings) as application:
        assert application.spans is None
