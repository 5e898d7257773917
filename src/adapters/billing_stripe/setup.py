"""Setting up at Stripe: the webhook endpoint, with exactly the events that we read and our API version."""

from __future__ import annotations

from typing import Any

import stripe
from attrs import field, frozen

from billing_stripe.api import API_VERSION, Reply, StripeApi
from billing_stripe.errors import asking, changing
from billing_stripe.facts import WEBHOOK_EVENTS, Json
from billing_stripe.permissions import Permission

__all__ = ["Endpoint", "EndpointSeen", "endpoints", "setup_webhook"]


def _events() -> list[Any]:
    """The list as the SDK types it: each a literal."""
    return list(WEBHOOK_EVENTS)


@frozen(kw_only=True)
class Endpoint:
    """A webhook endpoint at Stripe."""

    id: str
    #: Whether it was made just now; else it was there and is now as wanted.
    made: bool
    #: The signing secret, told once, when it is made. To be shown once and set as STRIPE_WEBHOOK_SECRET.
    secret: str | None = field(default=None, repr=False)
    #: Endpoints of the same address in another API version. They still send: delete them once ``secret`` is in use.
    superseded: tuple[str, ...] = ()


@frozen(kw_only=True)
class EndpointSeen:
    """A webhook endpoint as Stripe lists it."""

    id: str
    url: str
    #: Whether Stripe sends to it: it disables one that has failed for days.
    enabled: bool
    #: Whether its version of the API is ours.
    speaks_our_version: bool
    #: Events that we read and it does not send.
    lacks: tuple[str, ...]


async def endpoints(api: StripeApi) -> tuple[EndpointSeen, ...]:
    """Every webhook endpoint of the account, newest first. Raises `ProviderRefused` or `ProviderUnavailable`."""
    rows = api.rows(api.client.v1.webhook_endpoints.list_async, {}, needs=Permission.WEBHOOKS_WRITE)
    with asking():
        return tuple([_seen(row.json) async for row in rows])


def _seen(row: Json) -> EndpointSeen:
    listed = row.raw("enabled_events")
    sent = set(listed) if isinstance(listed, list) else set()
    return EndpointSeen(
        id=row.need_identity(),
        url=row.need_text("url"),
        enabled=row.text("status") != "disabled",
        speaks_our_version=row.text("api_version") == API_VERSION,
        lacks=() if "*" in sent else tuple(sorted(set(WEBHOOK_EVENTS) - sent)),
    )


async def setup_webhook(api: StripeApi, url: str) -> Endpoint:
    """Have Stripe send exactly `WEBHOOK_EVENTS` to ``url``, in the API version that we use; idempotent.

    An endpoint's version cannot be changed, so one of another version is superseded by a new one. Raises
    `ProviderRefused`, such as for an address that Stripe does not take, `ProviderUnavailable` and
    `OutcomeUnknown`.
    """
    with changing():
        endpoints = api.client.v1.webhook_endpoints
        mine = [
            row
            async for row in api.rows(endpoints.list_async, {}, needs=Permission.WEBHOOKS_WRITE)
            if row.json.text("url") == url
        ]
        current = next((row for row in mine if row.json.text("api_version") == API_VERSION), None)
        superseded = tuple(row.json.need_identity() for row in mine if row.json.text("api_version") != API_VERSION)
        if current is None:
            return await _make(api, url, superseded)
        return await _update(api, current, superseded)


async def _make(api: StripeApi, url: str, superseded: tuple[str, ...]) -> Endpoint:
    params: stripe.params.WebhookEndpointCreateParams = {
        "url": url,
        "enabled_events": _events(),
        "api_version": API_VERSION,
        "description": "billing_core",
    }
    reply = await api.change(
        lambda options: api.client.v1.webhook_endpoints.create_async(params, options),
        key=None,
        needs=Permission.WEBHOOKS_WRITE,
    )
    made = reply.json
    return Endpoint(id=made.need_identity(), made=True, secret=made.need_text("secret"), superseded=superseded)


async def _update(api: StripeApi, endpoint: Reply, superseded: tuple[str, ...]) -> Endpoint:
    identity = endpoint.json.need_identity()
    params: stripe.params.WebhookEndpointUpdateParams = {"enabled_events": _events(), "disabled": False}
    await api.change(
        lambda options: api.client.v1.webhook_endpoints.update_async(identity, params, options),
        key=None,
        needs=Permission.WEBHOOKS_WRITE,
    )
    return Endpoint(id=identity, made=False, superseded=superseded)
