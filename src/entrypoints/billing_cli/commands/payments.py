"""`billing payments`."""

from __future__ import annotations

from cyclopts import App

from billing_bootstrap import presenting
from billing_bootstrap.cursors import text_of
from billing_bootstrap.shapes import PaymentsShape
from billing_cli.desk import opened
from billing_cli.options import UserId
from billing_cli.paging import LISTING, Listing
from billing_cli.printing import show_json, show_rows, tell_more

__all__ = ["app"]

app = App(name="payments", help="What was paid, and for what.")


@app.command(name="list")
async def list_(user_id: UserId, /, *, options: Listing = LISTING) -> None:
    """The payments of a user, newest first, each with what it was for.

    For example:

        billing payments list learner-1
    """
    async with opened() as application:
        page = await application.look_up.payments(options.caller, user_id, options.limit, options.after)
    found = PaymentsShape(tuple(map(presenting.payment, page.rows)), text_of(page.next))
    if options.json:
        show_json(found)
    else:
        columns = (
            "id", "amount", "amount_refunded", "status", "context.kind", "context.plan_id", "context.resource_id",
            "failure_code", "created_at",
        )  # fmt: skip
        show_rows(found.payments, columns, none=f"{user_id} has paid nothing.")
        tell_more(found.next_cursor)
