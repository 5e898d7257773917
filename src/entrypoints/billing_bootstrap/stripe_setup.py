"""Setting up at Stripe, for whoever may not know the adapter."""

from __future__ import annotations

from urllib.parse import urlsplit

from attrs import frozen

import billing_stripe  # by name alone: what calls Stripe is imported when it is asked for
from billing_bootstrap.settings import Settings
from billing_core.ports.provider import ProviderIdentity

__all__ = ["WEBHOOK_PATH", "WebhookEndpoint", "account_of", "setup_webhook", "webhook_faults"]

#: Where the API takes webhooks, below whatever it is mounted at.
WEBHOOK_PATH = "/api/webhooks/stripe"


@frozen(kw_only=True)
class WebhookEndpoint:
    """The endpoint at Stripe, as it is now."""

    id: str
    #: Whether it was made just now.
    made: bool
    #: The signing secret, told once, when it is made.
    secret: str | None
    #: Endpoints of the same address in another API version, to be deleted once the new secret is in use.
    superseded: tuple[str, ...]


async def setup_webhook(settings: Settings, url: str) -> WebhookEndpoint:
    """Have Stripe send exactly the events that are read to ``url``, in the API version that is spoken; idempotent.

    Raises `ProviderRefused`, such as for an address that Stripe does not take, and `ProviderUnavailable`.
    """
    api = billing_stripe.StripeApi(settings.stripe_secret_key, base_url=settings.stripe_api_base)
    try:
        done = await billing_stripe.setup_webhook(api, url)
    finally:
        await api.close()
    return WebhookEndpoint(id=done.id, made=done.made, secret=done.secret, superseded=done.superseded)


async def webhook_faults(settings: Settings) -> tuple[str, ...]:
    """What is wrong with how Stripe sends its events here, each in a sentence; none where all is well.

    Raises `ProviderRefused`, such as for a key that may not look, and `ProviderUnavailable`.
    """
    api = billing_stripe.StripeApi(settings.stripe_secret_key, base_url=settings.stripe_api_base)
    try:
        known = await billing_stripe.endpoints(api)
        there = [one for one in known if urlsplit(one.url).path.endswith(WEBHOOK_PATH)]
    finally:
        await api.close()
    if not there:
        return (f"Stripe knows no endpoint whose address ends in {WEBHOOK_PATH}.",)
    if any(one.enabled and one.speaks_our_version and not one.lacks for one in there):
        return ()
    faults = []
    for one in there:
        if not one.enabled:
            faults.append(f"{one.url} is disabled.")
        if not one.speaks_our_version:
            faults.append(f"{one.url} sends another version of the API.")
        if one.lacks:
            faults.append(f"{one.url} does not send {', '.join(one.lacks)}.")
    return tuple(faults)


async def account_of(settings: Settings) -> ProviderIdentity:
    """Which account and mode the key belongs to. Raises `ProviderRefused` or `ProviderUnavailable`."""
    api = billing_stripe.StripeApi(settings.stripe_secret_key, base_url=settings.stripe_api_base)
    try:
        return await billing_stripe.StripeLookup(api).identity()
    finally:
        await api.close()
