"""Health, for whoever watches; and metrics, for nobody from outside."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from attrs import define
from litestar import Controller, Response, get
from litestar.di import NamedDependency

from billing_bootstrap.health import Check, Condition
from billing_bootstrap.metrics import CONTENT_TYPE
from billing_bootstrap.release import RELEASE
from billing_http import examples
from billing_http.answering import Answer, answer
from billing_http.operations import Operation, described, require_plain_path
from billing_http.parameters import App
from billing_http.problems import Code, Problem, RequestRefused
from billing_http.reading import AnyRequest
from billing_http.shapes import CheckShape, ChecksShape, HealthShape, LiveShape

__all__ = ["HealthArea", "Readiness", "metrics_page"]

_UNAVAILABLE = 503
#: What proxies say of whom they ask for.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


@define
class Readiness:
    """Whether this process takes requests."""

    #: Set once shutdown began; requests are still answered, but no more should be sent.
    stopping: bool = False


class HealthArea(Controller):
    """``/api/health``."""

    path = "/health"

    @get(
        "/",
        opt=described(
            Operation(
                id="get_health",
                summary="How the service and its parts are",
                description="Without the cache or a worker that keeps up it is `degraded`: everything works, slower or"
                " later. 503 without the database. The worker's `latency_ms` is how long the oldest event has waited to"
                " be published.",
                public=True,
                answer=HealthShape,
                example=examples.HEALTH,
                errors=(Code.UNAVAILABLE,),
            )
        ),
    )
    async def health(self, application: App) -> Answer:
        """Ask every part."""
        found = await application.health()
        shape = HealthShape(
            found.status,
            RELEASE,
            ChecksShape(database=_check(found.database), cache=_check(found.cache), worker=_check(found.worker)),
        )
        return answer(shape, _UNAVAILABLE if found.status is Condition.UNAVAILABLE else 200)

    @get(
        "/live",
        opt=described(
            Operation(
                id="get_liveness",
                summary="Answers while the process runs",
                public=True,
                answer=LiveShape,
                example={"status": "ok"},
            )
        ),
    )
    async def live(self) -> Answer:
        """This process runs."""
        return answer(LiveShape("ok"))

    @get(
        "/ready",
        opt=described(
            Operation(
                id="get_readiness",
                summary="Answers 200 only while the process can serve",
                description="No longer once shutdown began.",
                public=True,
                answer=LiveShape,
                example={"status": "ok"},
                errors=(Code.UNAVAILABLE,),
            )
        ),
    )
    async def ready(self, application: App, readiness: NamedDependency[Readiness]) -> Answer:
        """Whether requests should be sent here."""
        database = Condition.UNAVAILABLE if readiness.stopping else (await application.health.database()).status
        if database is not Condition.OK:
            return answer(LiveShape("unavailable"), _UNAVAILABLE)
        return answer(LiveShape("ok"))


def _check(found: Check) -> CheckShape:
    return CheckShape(found.status, None if found.latency_ms is None else round(found.latency_ms, 2))


@get("/metrics", guards=[require_plain_path])
async def metrics_page(request: AnyRequest, application: App) -> Answer:
    """Prometheus text, for callers within the networks of ``METRICS_ALLOWED``; for others there is nothing here."""
    if any(name in request.headers for name in _FORWARDED) and not application.settings.trusted_proxies:
        raise _nothing_here()  # its neighbour is a proxy that nobody named: who asks is not known
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    networks = map(ip_network, application.settings.metrics_allowed)
    if address is None or not any(address in network for network in networks):
        raise _nothing_here()
    return Response(application.metrics.text(), headers={"content-type": CONTENT_TYPE, "cache-control": "no-store"})


def _nothing_here() -> RequestRefused:
    return RequestRefused(Problem(code=Code.NOT_FOUND, detail="There is nothing at this path."))
