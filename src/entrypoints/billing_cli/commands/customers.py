"""`billing customers`."""

from __future__ import annotations

from cyclopts import App

from billing_bootstrap.presenting_holdings import readable
from billing_bootstrap.settings import OFFLINE
from billing_cli.asking import ask_first
from billing_cli.desk import opened
from billing_cli.failures import CommandFailed
from billing_cli.options import CHANGING, LOOKING, Changing, Looking, UserId
from billing_cli.printing import show_fields, show_json

__all__ = ["app"]

app = App(name="customers", help="Tie Stripe's customers to users; erase and export what is held.")


@app.command
async def link(user_id: UserId, stripe_customer_id: str, /, *, options: Changing = CHANGING) -> None:
    """Tie an existing customer of Stripe's to a user; what waited for it is taken up.

    For example:

        billing customers link learner-1 cus_NffrFeUfNV2Hib
    """
    ask_first(f"Tie {stripe_customer_id} to {user_id}?", yes=options.yes)
    async with opened() as application:
        await application.link_customer(options.caller, user_id, stripe_customer_id)
    _tell(user_id, stripe_customer_id, options)


@app.command
async def show(user_id: UserId, /, *, options: Looking = LOOKING) -> None:
    """The customer that a user is tied to.

    For example:

        billing customers show learner-1
    """
    async with opened() as application, application.units() as uow:
        customer_id = await uow.customers.customer_of(user_id)
    if customer_id is None:
        raise CommandFailed(f"{user_id} is tied to no customer. `billing customers link {user_id} cus_…` ties them.")
    _tell(user_id, customer_id, options)


@app.command
async def erase(user_id: UserId, /, *, reason: str | None = None, options: Changing = CHANGING) -> None:
    """Erase names, e-mails and addresses of a user; amounts, ids and dates stay.

    They are in the bytes of webhooks alone, which expire after 90 days anyway. Erase at Stripe first: what it sends
    later is held again.

    For example:

        billing customers erase learner-1 --reason "request of 3 May"

    Args:
        user_id: Whose.
        reason: For the audit log; nothing personal.
        options: How it is asked and shown.
    """
    ask_first(f"Erase what names {user_id}? It cannot be brought back.", yes=options.yes)
    async with opened(OFFLINE) as application:
        erased = await application.erase_customer(options.caller, user_id, reason=reason)
    found = {"user_id": user_id, "payloads_erased": erased}
    if options.json:
        show_json(found)
    else:
        show_fields(found)


@app.command
async def export(user_id: UserId, /, *, options: Looking = LOOKING) -> None:
    """All that is held on a user, as one JSON document.

    For example:

        billing customers export learner-1 > learner-1.json
    """
    async with opened(OFFLINE) as application:
        holdings = await application.export_user(options.caller, user_id)
    show_json(readable(holdings))


def _tell(user_id: str, customer_id: str, options: Looking) -> None:
    found = {"user_id": user_id, "stripe_customer_id": customer_id}
    if options.json:
        show_json(found)
    else:
        show_fields(found)
