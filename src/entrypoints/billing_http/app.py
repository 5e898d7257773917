"""The application as ASGI: the envelope around the gate around the routes."""

from __future__ import annotations

from functools import cache

from attrs import frozen
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Receive, Scope, Send

from billing_bootstrap.application import Application
from billing_core.domain.errors import BillingError
from billing_http.allowing import Allowing
from billing_http.answering import answer_error
from billing_http.controllers.access import Access
from billing_http.controllers.events import Events
from billing_http.controllers.health import HealthArea, Readiness, metrics_page
from billing_http.controllers.invoices import Invoices
from billing_http.controllers.payments import Payments
from billing_http.controllers.purchases import Purchases
from billing_http.controllers.subscriptions import Subscriptions
from billing_http.controllers.webhooks import Webhooks
from billing_http.counting import RequestCounts
from billing_http.crowd import Crowd
from billing_http.envelope import Envelope
from billing_http.fast_lane import FastLane
from billing_http.gate import Gate
from billing_http.heads import Heads
from billing_http.idempotency import Once
from billing_http.methods import Methods
from billing_http.openapi import document
from billing_http.operations import check_request
from billing_http.problems import RequestRefused
from billing_http.reading import MAX_BODY_BYTES
from billing_http.schema_page import schema_routes
from billing_http.token_keys import keys_of
from billing_http.tokens import TokenVerifier
from billing_http.traced import Traced
from billing_http.turns import Turns

__all__ = ["BillingHttp", "Routes", "build", "every_route"]

#: Under which name a request carries the `Routes` that it came to.
_OURS = "billing_http"

AREAS = (Subscriptions, Payments, Purchases, Access, Invoices, Webhooks, Events, HealthArea)


@frozen
class Routes:
    """What answers the requests to one application. The routes themselves are every application's, and made once."""

    application: Application
    readiness: Readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        scope.setdefault("state", {})[_OURS] = self
        await every_route()(scope, receive, send)


@frozen(kw_only=True)
class BillingHttp:
    """The whole HTTP face of one application."""

    #: The routes alone, without what stands before them.
    routes: Routes
    readiness: Readiness
    _entry: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._entry(scope, receive, send)


def build(application: Application) -> BillingHttp:
    """The HTTP face of ``application``. Opens nothing. Raises `ValueError` for a JWKS file that holds no keys."""
    settings = application.settings
    readiness = Readiness()
    routes = Routes(application, readiness)
    tokens = TokenVerifier.of(settings, keys_of(settings), application.real_clock)
    once = Once(app=routes, answer_once=application.answer_once)
    http_routes = (route for route in every_route().routes if isinstance(route, HTTPRoute))
    methods = Methods.of(once, ((route.path_format, method) for route in http_routes for method in route.methods))
    heads = Heads(FastLane(app=Turns(methods), application=application))
    of_users = Allowing(heads, application.user_limit, "user")
    of_addresses = Allowing(heads, application.address_limit, "address")
    gate = Gate(app=heads, tokens=tokens, of_users=of_users, of_addresses=of_addresses)
    origins = frozenset(origin.encode() for origin in settings.cors_allowed_origins)
    crowd = Crowd(gate if application.spans is None else Traced(app=gate, spans=application.spans))
    counts = RequestCounts(application.metrics)
    return BillingHttp(routes=routes, readiness=readiness, entry=Envelope(app=crowd, origins=origins, counts=counts))


@cache
def every_route() -> Litestar:
    """All routes. They know no application: each takes that of the request. To make them takes longer than all else."""
    handlers = dict.fromkeys((BillingError, RequestRefused, HTTPException, Exception), answer_error)
    routes = Litestar(
        route_handlers=[Router("/api", route_handlers=AREAS, guards=[check_request]), metrics_page],
        dependencies={
            "application": Provide(_application_of, sync_to_thread=False),
            "readiness": Provide(_readiness_of, sync_to_thread=False),
        },
        exception_handlers=handlers,  # type: ignore[arg-type]  # answers bytes, as every handler here
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
        state=State(),
    )
    for route in schema_routes(lambda: document(routes)):
        routes.register(route)
    return routes


def _application_of(scope: Scope) -> Application:
    found: Routes = scope["state"][_OURS]
    return found.application


def _readiness_of(scope: Scope) -> Readiness:
    found: Routes = scope["state"][_OURS]
    return found.readiness
