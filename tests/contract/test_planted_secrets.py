"""Secrets are planted everywhere; whatever goes well or wrong, at the chattiest level, none of them is told."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
import redis.asyncio
import stripe
import structlog
from attrs import define, field
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

import billing_bootstrap.tracing
from billing_bootstrap.container import open_application
from billing_bootstrap.logs import configure_logging
from billing_bootstrap.settings import SERVE, load_settings
from billing_bootstrap.tracing import open_tracing
from billing_cli.main import main
from billing_core.domain.callers import Role
from billing_http.app import build
from billing_sandbox.server import Options, running
from tests.builders import K8S
from tests.contract.serving import JWT, URLS, bearer, sell, server_environ
from tests.contract.tcp_proxy import TcpProxy, tcp_proxy
from tests.unit.stripe import stripe_json

PLANTED = {
    "Stripe key": "sk_test_PlantedStripeKey51Hx",
    "webhook secret": "whsec_PlantedWebhookSecret",
    "database password": "PlantedDatabasePassword",
    "Redis password": "PlantedRedisPassword",
    "JWT secret": JWT["JWT_SECRET"],
    "refresh secret": JWT["JWT_REFRESH_SECRET"],
    "e-mail": "planted.person@example.com",
    "name": "Planted Person-Name",
    "card": "4242424242424242",
    "card with spaces": "4000 0566 5566 5556",
}
ADMIN = [Role.ADMIN]
COURSE = {"resource_type": "course", "resource_id": "k8s-101"}


@define
class _Kept(SpanExporter):
    spans: list[ReadableSpan] = field(factory=list)

    def export(self, spans: Any) -> SpanExportResult:  # noqa: ANN401 - a sequence of spans
        self.spans.extend(spans)
        return SpanExportResult.SUCCESS


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """All that is logged, at the chattiest level."""
    root, out = logging.getLogger(), io.StringIO()
    handlers, level = list(root.handlers), root.level
    configure_logging(log_format="json", level="debug", stream=out)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it is our own client here
    yield out
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
async def redis_with_password(redis_url: str) -> AsyncIterator[str]:
    """A user of Redis's with a password."""
    client = redis.asyncio.Redis.from_url(redis_url)
    await client.acl_setuser(
        "planted",
        enabled=True,
        passwords=[f"+{PLANTED['Redis password']}"],
        keys=["*"],
        channels=["*"],
        categories=["+@all"],
    )
    yield redis_url.replace("://", f"://planted:{PLANTED['Redis password']}@")
    await client.acl_deluser("planted")
    await client.aclose()


def _event(kind: str, **changes: object) -> bytes:
    customer = {**stripe_json.customer(), "email": PLANTED["e-mail"], "name": PLANTED["name"], **changes}
    return json.dumps({**stripe_json.event(kind, customer), "id": f"evt_{time.monotonic_ns()}"}).encode()


@define
class _Caller:
    """Somebody who asks for all kinds of things, with secrets in all kinds of places."""

    http: httpx.AsyncClient
    #: What was answered, and what in it was for the caller alone.
    told: list[str] = field(factory=list)
    given: dict[str, str] = field(factory=dict)

    async def ask(self, method: str, path: str, *, roles: list[Role] | None = None, **more: Any) -> httpx.Response:  # noqa: ANN401 - of httpx
        headers = {**bearer("ann", roles or []), **more.pop("headers", {})}
        self.given.setdefault("token", headers["Authorization"].split()[1])
        answer = await self.http.request(method, path, headers=headers, **more)
        secret = answer.json().get("client_secret") or answer.json().get("url") if answer.content[:1] == b"{" else None
        if secret is None:
            self.told.append(answer.text)
        else:
            self.given[f"{path}: {secret[:8]}"] = secret.rpartition("/")[2]
        return answer

    async def ask_everything(self) -> list[int]:
        """The statuses of it all."""
        card, email = PLANTED["card"], PLANTED["e-mail"]
        checkout = {"plan_id": email, **URLS, "promotion_code": "ANYTHING"}
        grant = {**COURSE, "reason": f"{email} paid by {PLANTED['card with spaces']}"}
        now = int(time.time())
        bodies = [_event("customer.updated"), b'{"email": "' + email.encode(), _event("customer.updated", created="x")]
        signed = [
            stripe.WebhookSignature.generate_signature_header(body.decode(), PLANTED["webhook secret"], at)
            for body in bodies
            for at in (now, now - 999)
        ]
        hooks = [(body, signature) for body in bodies for signature in signed]
        answers = [
            await self.ask("GET", "/api/subscriptions/plans"),
            await self.ask("GET", f"/api/access/ann/course/{email}?token={card}"),
            await self.ask("GET", f"/nothing/{card}/{email}", headers={"Cookie": f"card={card}", "X-Card": card}),
            await self.ask(
                "GET", "/api/access/ann", headers={"Authorization": f"Bearer {self.given.get('token', '')}x"}
            ),
            await self.ask("POST", "/api/purchases/create", json={**COURSE, **URLS, "card": card, "email": email}),
            await self.ask("POST", "/api/purchases/create", json={**COURSE, **URLS}, headers={"Idempotency-Key": card}),
            await self.ask("POST", "/api/payments/setup-intent"),
            await self.ask("POST", "/api/payments/portal-session", json={"return_url": URLS["success_url"]}),
            await self.ask("POST", "/api/payments/methods", json={"payment_method_id": f"pm_{card}"}),
            await self.ask("POST", "/api/payments/methods", json={"payment_method_id": "pm_card_visa"}),
            await self.ask("POST", "/api/payments/methods", json={"payment_method_id": "pm_card_chargeCustomerFail"}),
            await self.ask(
                "POST",
                "/api/subscriptions/checkout-session",
                json=checkout,
            ),
            await self.ask(
                "POST",
                "/api/access/ann/grants",
                roles=ADMIN,
                json=grant,
            ),
            await self.ask("GET", "/api/payments/history/ann?cursor=" + email),
        ]
        answers += [
            await self.ask("POST", "/api/webhooks/stripe", content=body, headers={"Stripe-Signature": signature})
            for body, signature in hooks
        ]
        return [answer.status_code for answer in answers]


COMMANDS = (
    ("doctor",),
    ("customers", "show", "ann", "--json"),
    ("customers", "link", "ann", "cus_of_somebody", "--yes"),
    ("catalog", "pull", "/nonexistent/x.toml"),
)


async def _of_commands(capsys: pytest.CaptureFixture[str], *commands: tuple[str, ...]) -> str:
    """What the commands print: in a thread, since each has a loop of its own."""
    capsys.readouterr()
    for arguments in commands:
        await asyncio.to_thread(main, arguments)
    return "".join(capsys.readouterr())


def _without_what_was_asked(told: str) -> str:
    """Without the paths that callers are told back: they know them."""
    lines = []
    for document in told.splitlines():
        try:
            problem: Mapping[str, object] = json.loads(document)
        except ValueError:
            lines.append(document)
        else:
            lines.append(json.dumps({name: value for name, value in problem.items() if name != "instance"}))
    return "\n".join(lines)


async def test_nobody_is_told_a_secret(
    database_url: str,
    redis_with_password: str,
    logs: io.StringIO,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With everything there, and with each of PostgreSQL, Redis and Stripe away."""
    kept, outputs = _Kept(), dict[str, str]()
    tracing = open_tracing(kept)
    monkeypatch.setattr(billing_bootstrap.tracing, "open_tracing", lambda: tracing)
    await sell(database_url, K8S)
    async with AsyncExitStack() as stack:
        _, box = await stack.enter_async_context(running(Options(port=0, api_keys=(PLANTED["Stripe key"],))))
        with_password = database_url.replace("postgres@", f"postgres:{PLANTED['database password']}@")
        proxies: list[TcpProxy] = [
            await stack.enter_async_context(tcp_proxy(url)) for url in (with_password, redis_with_password, box)
        ]
        environ = server_environ(
            proxies[0].url,
            proxies[1].url,
            STRIPE_API_BASE=proxies[2].url,
            STRIPE_SECRET_KEY=PLANTED["Stripe key"],
            STRIPE_WEBHOOK_SECRET=PLANTED["webhook secret"],
            OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
            LOG_LEVEL="debug",
        )
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        settings = load_settings(environ, SERVE)
        application = await stack.enter_async_context(open_application(settings))
        transport = httpx.ASGITransport(build(application))  # type: ignore[arg-type]  # plain ASGI
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://billing.test"))
        caller = _Caller(http)

        statuses = await caller.ask_everything()
        outputs["commands"] = await _of_commands(capsys, *COMMANDS)
        for proxy in proxies:
            await proxy.cut()
            statuses += await caller.ask_everything()
            outputs["commands"] += await _of_commands(capsys, ("doctor",))
            proxy.mend()
        outputs |= {
            "metrics": (await http.get("/metrics")).text,
            "answers": _without_what_was_asked("\n".join(caller.told)),
            "repr": repr((settings, application, build(application))),
            "logs": logs.getvalue(),
        }
    outputs["traces"] = "\n".join(span.to_json() for span in kept.spans)

    assert {200, 201, 400, 401, 404, 503} <= set(statuses)
    assert all(outputs.values())
    found = [
        (what, where)
        for where, text in outputs.items()
        for what, secret in (PLANTED | caller.given).items()
        if secret in text
    ]
    assert found == []
