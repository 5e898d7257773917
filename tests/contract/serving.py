"""Servers as processes of their own, as in production, for tests that ask them over HTTP."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess

import httpx
from joserfc import jwt
from joserfc.jwk import OctKey

from billing_bootstrap.container import open_application
from billing_bootstrap.settings import OFFLINE, load_settings
from billing_core.domain.callers import Role
from billing_core.domain.plans import Item
from tests.forked import program

JWT = {
    "JWT_SECRET": "access-secret-of-more-than-32-characters",
    "JWT_REFRESH_SECRET": "refresh-secret-of-32-characters-and-more",
}
ORIGIN = "https://app.example.com"
URLS = {"success_url": f"{ORIGIN}/thanks", "cancel_url": f"{ORIGIN}/plans"}
STARTED_WITHIN_SECONDS = 120.0
#: For many requests at once: httpx closes a connection that has expired although it has just given it to a request.
AT_ONCE = httpx.Limits(keepalive_expiry=None)
_OURS = ("STRIPE_", "JWT_", "REDIS_")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def server_environ(database_url: str, redis_url: str, **more: str) -> dict[str, str]:
    """All settings that a server needs."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
        **JWT,
        "BILLING_ENV": "test",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_SECRET_KEY": "sk_test_1",
        "STRIPE_WEBHOOK_SECRET": "whsec_1",
        "CHECKOUT_RETURN_ORIGINS": ORIGIN,
        "LOG_FORMAT": "json",
        **more,
    }


@contextmanager
def served(environ: Mapping[str, str], port: int | None = None) -> Iterator[tuple[ForkServerProcess, httpx.Client]]:
    """A server that answers, and somebody to ask it."""
    port = port or free_port()
    with (
        program("billing_http", "--port", str(port), environ=environ) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        wait_until_it_answers(client)
        yield process, client


def wait_until_it_answers(client: httpx.Client) -> None:
    """Ask until there is an answer."""
    deadline = time.monotonic() + STARTED_WITHIN_SECONDS
    while True:
        try:
            client.get("/api/health/live")
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def bearer(user: str, roles: Collection[Role] = ()) -> dict[str, str]:
    """The header that says who asks, for an hour."""
    claims = {"sub": user, "exp": int(time.time()) + 3600, "roles": [str(role) for role in roles]}
    return {"Authorization": f"Bearer {jwt.encode({'alg': 'HS256'}, claims, OctKey.import_key(JWT['JWT_SECRET']))}"}


async def sell(database_url: str, *items: Item) -> None:
    """Put single items on sale."""
    async with open_application(load_settings({"DATABASE_URL": database_url}, OFFLINE)) as application:
        await application.apply_catalog([], list(items), actor="test")
