"""`billing purchases`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from billing_bootstrap import presenting
from billing_bootstrap.cursors import text_of
from billing_bootstrap.shapes import PurchasesShape
from billing_cli.asking import ask_first
from billing_cli.desk import opened
from billing_cli.options import CHANGING, LOOKING, Changing, Looking, UserId, Whole
from billing_cli.paging import LISTING, Listing
from billing_cli.printing import show_fields, show_json, show_rows, tell_more
from billing_cli.reading import money_of

__all__ = ["app"]

app = App(name="purchases", help="List, show and refund what was bought singly.")


@app.command(name="list")
async def list_(user_id: UserId, /, *, options: Listing = LISTING) -> None:
    """The purchases of a user, newest first.

    For example:

        billing purchases list learner-1
    """
    async with opened() as application:
        page = await application.look_up.purchases(options.caller, user_id, options.limit, options.after)
    found = PurchasesShape(tuple(map(presenting.purchase, page.rows)), text_of(page.next))
    if options.json:
        show_json(found)
    else:
        columns = ("id", "resource_type", "resource_id", "price", "status", "amount_refunded", "purchased_at")
        show_rows(found.purchases, columns, none=f"{user_id} has bought nothing singly.")
        tell_more(found.next_cursor)


@app.command
async def show(purchase_id: str, /, *, options: Looking = LOOKING) -> None:
    """One purchase, what it opens, and whether it may be refunded.

    For example:

        billing purchases show 0192b3c4-…
    """
    async with opened() as application:
        purchase, refundable = await application.look_up.purchase(options.caller, purchase_id)
        (access,) = await application.decide_access(options.caller, purchase.user_id, [purchase.resource])
    found = presenting.purchase_status(purchase, access, refundable)
    if options.json:
        show_json(found)
        return
    show_fields(found.purchase)
    show_fields({"access": access.reason, "refund": found.refund})


@app.command
async def refund(
    purchase_id: str,
    /,
    *,
    amount: Whole | None = None,
    reason: str | None = None,
    override_window: Annotated[bool, Parameter(negative=())] = False,
    options: Changing = CHANGING,
) -> None:
    """Give the money of a purchase back; what it opened is closed.

    For example:

        billing purchases refund 0192b3c4-…
        billing purchases refund 0192b3c4-… --amount 1000 --reason "no subtitles"
        billing purchases refund 0192b3c4-… --override-window --reason "promised"

    Args:
        purchase_id: The id of the purchase, as `billing purchases list` gives it.
        amount: In minor units, such as cents; all that is left unless given.
        reason: Why, for the audit log.
        override_window: Although its time is over; needs a reason.
        options: How it is asked and shown.
    """
    async with opened() as application:
        purchase, _ = await application.look_up.purchase(options.caller, purchase_id)
        back = money_of(amount, purchase.price.currency)
        ask_first(f"Refund {back or purchase.price} to {purchase.user_id} for {purchase.name}?", yes=options.yes)
        made = await application.request_refund(
            options.caller, purchase_id, amount=back, reason=reason, override_window=override_window
        )
    found = presenting.refund(made)
    if options.json:
        show_json(found)
    else:
        show_fields(found)
