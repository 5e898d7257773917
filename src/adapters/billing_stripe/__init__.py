"""The payment provider's ports, spoken to Stripe: what is changed, asked, received and set up there.

What calls Stripe needs its SDK, whose import takes as long as that of a whole web framework. Events are received
without it, so those names are imported when somebody first asks for one.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from billing_stripe.exchanges import Exchange, Watch
from billing_stripe.facts import WEBHOOK_EVENTS
from billing_stripe.keys import is_live
from billing_stripe.pacing import Pace
from billing_stripe.permissions import Permission
from billing_stripe.webhooks import StripeWebhookVerifier

if TYPE_CHECKING:
    from billing_stripe.api import API_VERSION, StripeApi
    from billing_stripe.catalog import StripeCatalog
    from billing_stripe.gateway import StripeProvider
    from billing_stripe.listing import StripeListing
    from billing_stripe.lookup import StripeLookup
    from billing_stripe.setup import Endpoint, EndpointSeen, endpoints, setup_webhook
else:
    _CALLING: Final = {
        "API_VERSION": "api",
        "Endpoint": "setup",
        "EndpointSeen": "setup",
        "StripeApi": "api",
        "StripeCatalog": "catalog",
        "StripeListing": "listing",
        "StripeLookup": "lookup",
        "StripeProvider": "gateway",
        "endpoints": "setup",
        "setup_webhook": "setup",
    }

    def __getattr__(name: str) -> object:
        if name not in _CALLING:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_CALLING[name]}"), name)


__all__ = [
    "API_VERSION",
    "WEBHOOK_EVENTS",
    "Endpoint",
    "EndpointSeen",
    "Exchange",
    "Pace",
    "Permission",
    "StripeApi",
    "StripeCatalog",
    "StripeListing",
    "StripeLookup",
    "StripeProvider",
    "StripeWebhookVerifier",
    "Watch",
    "endpoints",
    "is_live",
    "setup_webhook",
]
