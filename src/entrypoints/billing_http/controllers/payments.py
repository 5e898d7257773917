"""Payments and payment methods, for reading."""

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

__all__ = ["Payments"]


class Payments(Controller):
    """``/api/payments``."""

    path = "/payments"

    @get(
        "/history/{user_id:str}",
        opt=described(
            Operation(
                id="list_payments",
                summary="A user's payments, newest first, each with what it was for",
                query=ListQuery,
                answer=shapes.PaymentsShape,
                example={"payments": [examples.PAYMENT], "next_cursor": None},
                errors=(Code.FORBIDDEN,),
            )
        ),
    )
    async def history(self, request: AnyRequest, application: App, user_id: UserId) -> Answer:
        """A page of payments."""
        query = read_query(request, ListQuery)
        page = await application.look_up.payments(caller_of(request), user_id, query.limit, cursor_of(query.cursor))
        return answer(shapes.PaymentsShape(tuple(map(presenting.payment, page.rows)), text_of(page.next)))

    @get(
        "/methods/{user_id:str}",
        opt=described(
            Operation(
                id="list_payment_methods",
                summary="A user's payment methods",
                answer=shapes.PaymentMethodsShape,
                example={"payment_methods": [examples.PAYMENT_METHOD]},
                errors=(Code.FORBIDDEN,),
            )
        ),
    )
    async def methods(self, request: AnyRequest, application: App, user_id: UserId) -> Answer:
        """The attached payment methods, oldest first."""
        found = await application.look_up.payment_methods(caller_of(request), user_id)
        return answer(shapes.PaymentMethodsShape(tuple(map(presenting.payment_method, found))))
