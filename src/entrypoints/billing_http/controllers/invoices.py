"""Invoices, for reading."""

from __future__ import annotations

from litestar import Controller, get

from billing_bootstrap import presenting, shapes
from billing_bootstrap.cursors import cursor_of, text_of
from billing_http import examples
from billing_http.answering import Answer, answer
from billing_http.operations import Operation, caller_of, described
from billing_http.parameters import App, UserId
from billing_http.problems import Code
from billing_http.reading import AnyRequest, read_query
from billing_http.requests import ListQuery

__all__ = ["Invoices"]


class Invoices(Controller):
    """``/api/invoices``."""

    path = "/invoices"

    @get(
        "/{user_id:str}",
        opt=described(
            Operation(
                id="list_invoices",
                summary="A user's invoices, newest first",
                query=ListQuery,
                answer=shapes.InvoicesShape,
                example={"invoices": [examples.INVOICE], "next_cursor": None},
                errors=(Code.FORBIDDEN,),
            )
        ),
    )
    async def of_user(self, request: AnyRequest, application: App, user_id: UserId) -> Answer:
        """A page of invoices."""
        query = read_query(request, ListQuery)
        page = await application.look_up.invoices(caller_of(request), user_id, query.limit, cursor_of(query.cursor))
        return answer(shapes.InvoicesShape(tuple(map(presenting.invoice, page.rows)), text_of(page.next)))
