"""Setting up at Stripe, for whoever may not know the adapter."""

from __future__ import annotations

from attrs import frozen

from billing_bootstrap.settings import Settings
from billing_core.ports.provider import ProviderIdentity
from billing_stripe import StripeApi, StripeLookup
from billing_stripe import setup_webhook as set_up

__all__ = ["WebhookEndpoint", "account_of", "setup_webhook"]


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
    api = StripeApi(settings.stripe_secret_key, base_url=settings.stripe_api_base)
    try:
        done = await set_up(api, url)
    finally:
        await api.close()
    return WebhookEndpoint(id=done.id, made=done.made, secret=done.secret, superseded=done.superseded)


async def account_of(settings: Settings) -> ProviderIdentity:
    """Which account and mode the key belongs to. Raises `ProviderRefused` or `ProviderUnavailable`."""
    api = StripeApi(settings.stripe_secret_key, base_url=settings.stripe_api_base)
    try:
        return await StripeLookup(api).identity()
    finally:
        await api.close()
