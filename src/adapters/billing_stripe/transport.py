"""The transport: the SDK's aiohttp client, which also gives its connection back where an answer breaks off."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from urllib.parse import urlsplit

import aiohttp
import stripe

from billing_stripe.exchanges import Exchange, Watch

__all__ = ["Transport"]

_CONNECT_SECONDS = 5.0

#: The words of Stripe's paths; whatever else stands in one is an id.
_WORDS = frozenset(
    [
        "v1",
        "v2",
        "account",
        "accounts",
        "attach",
        "balance_transactions",
        "billing_portal",
        "cancel",
        "capture",
        "charges",
        "checkout",
        "close",
        "confirm",
        "configurations",
        "coupons",
        "create_preview",
        "customers",
        "detach",
        "disputes",
        "events",
        "expire",
        "finalize",
        "invoice_payments",
        "invoiceitems",
        "invoices",
        "lines",
        "mark_uncollectible",
        "pause",
        "pay",
        "payment_intents",
        "payment_methods",
        "prices",
        "products",
        "promotion_codes",
        "refunds",
        "release",
        "resume",
        "search",
        "sessions",
        "setup_intents",
        "subscription_items",
        "subscription_schedules",
        "subscriptions",
        "test_clocks",
        "test_helpers",
        "advance",
        "void",
        "webhook_endpoints",
    ]
)


def _unwatched(_exchange: Exchange) -> AbstractContextManager[object]:
    return nullcontext()


@cache
def _whom_we_trust(ca_file: str) -> ssl.SSLContext:
    """Read once: over a hundred certificates take longer than several requests, and each client has a session."""
    return ssl.create_default_context(cafile=ca_file)


class Transport(stripe.AIOHTTPClient):
    """Sends requests to Stripe; each may take ``timeout_seconds`` as a whole, its connection five.

    The SDK's own reads an answer outside of its handling of errors: one that breaks off comes as it is, is
    not asked for again, and leaves the connection open. ``watch`` is what surrounds each request.
    """

    def __init__(self, timeout_seconds: float = 20.0, watch: Watch | None = None) -> None:
        self._watch = watch or _unwatched
        super().__init__(timeout=aiohttp.ClientTimeout(total=timeout_seconds, connect=_CONNECT_SECONDS))

    @property
    def _session(self) -> aiohttp.ClientSession:
        """The SDK's own, which would read the certificates for each session."""
        if self._user_connector is None:
            self._user_connector = aiohttp.TCPConnector(ssl=_whom_we_trust(stripe.ca_bundle_path))
        session: aiohttp.ClientSession = super()._session
        return session

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """The body, status and headers of the whole answer. Raises `stripe.APIConnectionError`."""
        arguments, options = self._get_request_args_kwargs(method, url, headers, post_data)
        exchange = Exchange(_operation_of(method, url))
        with self._watch(exchange):
            try:
                async with self._session.request(*arguments, **options) as answer:
                    body = await answer.read()
                    exchange.status = answer.status
                    return body, answer.status, answer.headers
            except (aiohttp.ClientError, OSError, ValueError) as error:
                self._handle_request_error(error)


def _operation_of(method: str, url: str) -> str:
    parts = (part if part in _WORDS else "{id}" for part in urlsplit(url).path.strip("/").split("/"))
    return f"{method.upper()} /{'/'.join(parts)}"
