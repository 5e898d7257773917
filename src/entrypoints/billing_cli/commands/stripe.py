"""`billing stripe`."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

import msgspec
from cyclopts import App

from billing_bootstrap.settings import Need, load_settings
from billing_bootstrap.stripe_setup import WEBHOOK_PATH
from billing_bootstrap.stripe_setup import setup_webhook as set_up
from billing_cli.asking import ask_first
from billing_cli.failures import WrongUsage
from billing_cli.options import CHANGING, Changing
from billing_cli.printing import show_fields, show_json

__all__ = ["app"]

app = App(name="stripe", help="Set up at Stripe.")


class Endpoint(msgspec.Struct, frozen=True):
    """A webhook endpoint; the secret is told once, when it is made."""

    id: str
    url: str
    made: bool
    secret: str | None
    superseded: tuple[str, ...]


@app.command
async def setup_webhook(url: str, /, *, options: Changing = CHANGING) -> None:
    """Make or update the endpoint at Stripe: exactly the events that are read, the API version pinned.

    For example:

        billing stripe setup-webhook https://billing.example.com/api/webhooks/stripe

    Args:
        url: Where Stripe reaches the API, ending in /api/webhooks/stripe.
        options: How it is asked and shown.
    """
    _check(url)
    ask_first(f"Have Stripe send its events to {url}?", yes=options.yes)
    done = await set_up(load_settings(os.environ, {Need.STRIPE}), url)
    found = Endpoint(done.id, url, done.made, done.secret, done.superseded)
    if options.json:
        show_json(found)
        return
    show_fields(found)
    if found.secret is not None:
        sys.stdout.write("Set STRIPE_WEBHOOK_SECRET to the secret now: Stripe does not tell it again.\n")


def _check(url: str) -> None:
    """Only an address where the API can be: an endpoint elsewhere would refuse, and so hold invoices back at Stripe."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.path.endswith(WEBHOOK_PATH)
    except ValueError:
        fits = False
    if not fits:
        raise WrongUsage(f"{url} is not where the API takes webhooks: write https://HOST{WEBHOOK_PATH}.")
