"""`billing invoices`."""

from __future__ import annotations

from cyclopts import App

from billing_bootstrap import presenting
from billing_bootstrap.cursors import text_of
from billing_bootstrap.shapes import InvoicesShape
from billing_cli.desk import opened
from billing_cli.options import UserId
from billing_cli.paging import LISTING, Listing
from billing_cli.printing import show_json, show_rows, tell_more

__all__ = ["app"]

app = App(name="invoices", help="What was billed.")


@app.command(name="list")
async def list_(user_id: UserId, /, *, options: Listing = LISTING) -> None:
    """The invoices of a user, newest first.

    For example:

        billing invoices list learner-1
    """
    async with opened() as application:
        page = await application.look_up.invoices(options.caller, user_id, options.limit, options.after)
    found = InvoicesShape(tuple(map(presenting.invoice, page.rows)), text_of(page.next))
    if options.json:
        show_json(found)
    else:
        columns = ("number", "status", "amount_due", "amount_paid", "period_start", "period_end", "created_at")
        show_rows(found.invoices, columns, none=f"{user_id} was billed nothing.")
        tell_more(found.next_cursor)
