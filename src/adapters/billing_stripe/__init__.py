"""The payment provider's ports, spoken to Stripe: what is changed, asked, received and set up there."""

from billing_stripe.api import API_VERSION, StripeApi
from billing_stripe.catalog import StripeCatalog
from billing_stripe.facts import WEBHOOK_EVENTS
from billing_stripe.gateway import StripeProvider
from billing_stripe.listing import StripeListing
from billing_stripe.lookup import StripeLookup
from billing_stripe.pacing import Pace
from billing_stripe.permissions import Permission
from billing_stripe.setup import Endpoint, EndpointSeen, endpoints, setup_webhook
from billing_stripe.transport import Exchange, Watch
from billing_stripe.webhooks import StripeWebhookVerifier

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
    "setup_webhook",
]
