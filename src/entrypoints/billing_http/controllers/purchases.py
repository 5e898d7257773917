"""Purchases: create, history, status and refund."""

from __future__ import annotations

from litestar import Controller, get, post

from billing_bootstrap import presenting, shapes
from billing_bootstrap.cursors import cursor_of, text_of
from billing_core.domain.money import Money
from billing_core.domain.resources import Resource
from billing_http import examples
from billing_http.answering import Answer, answer
from billing_http.operations import Operation, caller_of, described
from billing_http.parameters import App, OurId, UserId
from billing_http.problems import Code
from billing_http.reading import AnyRequest, read_body, read_query, require_return_url
from billing_http.requests import ListQuery, PurchaseRequest, RefundRequest

__all__ = ["Purchases"]


class Purchases(Controller):
    """``/api/purchases``."""

    path = "/purchases"

    @post(
        "/create",
        opt=described(
            Operation(
                id="create_purchase",
                summary="Open a checkout page to buy a single item on",
                description="The service says the price. While a session for the same thing is open it is answered"
                " again: two requests at once make one purchase. What a subscription opens may be bought, too.",
                body=PurchaseRequest,
                body_example={**examples.COURSE, **examples.RETURN_URLS},
                status=201,
                answer=shapes.PurchaseCheckoutShape,
                example={"purchase_id": examples.ID, **examples.SESSION, "price": examples.PRICE},
                errors=(Code.NOT_FOUND, Code.ALREADY_OWNED, Code.IDEMPOTENCY_IN_PROGRESS, Code.PROVIDER_ERROR),
            )
        ),
    )
    async def create(self, request: AnyRequest, application: App) -> Answer:
        """Begin to buy, for the caller themselves."""
        given = await read_body(request, PurchaseRequest)
        origins = frozenset(application.settings.checkout_return_origins)
        purchase = await application.create_purchase(
            caller_of(request),
            Resource(given.resource_type, given.resource_id),
            require_return_url("success_url", given.success_url, origins),
            require_return_url("cancel_url", given.cancel_url, origins),
        )
        return answer(presenting.purchase_checkout(purchase), 201)

    @get(
        "/history/{user_id:str}",
        opt=described(
            Operation(
                id="list_purchases",
                summary="A user's purchases, newest first",
                query=ListQuery,
                answer=shapes.PurchasesShape,
                example={"purchases": [examples.PURCHASE], "next_cursor": None},
                errors=(Code.FORBIDDEN,),
            )
        ),
    )
    async def history(self, request: AnyRequest, application: App, user_id: UserId) -> Answer:
        """A page of purchases."""
        query = read_query(request, ListQuery)
        page = await application.look_up.purchases(caller_of(request), user_id, query.limit, cursor_of(query.cursor))
        return answer(shapes.PurchasesShape(tuple(map(presenting.purchase, page.rows)), text_of(page.next)))

    @get(
        "/{id:str}/status",
        opt=described(
            Operation(
                id="get_purchase_status",
                summary="A purchase, what it opens, and whether it may be refunded",
                answer=shapes.PurchaseStatusShape,
                example={
                    "purchase": examples.PURCHASE,
                    "access": examples.DECISION,
                    "refund": {
                        "eligible": True,
                        "reason": None,
                        "refundable": examples.PRICE,
                        "until": "2026-12-22T20:59:00Z",
                    },
                },
                errors=(Code.NOT_FOUND,),
            )
        ),
    )
    async def status(
        self,
        request: AnyRequest,
        application: App,
        our_id: OurId,
    ) -> Answer:
        """One purchase."""
        caller = caller_of(request)
        purchase, refundable = await application.look_up.purchase(caller, our_id)
        decisions = await application.decide_access(caller, purchase.user_id, [purchase.resource])
        return answer(presenting.purchase_status(purchase, decisions[0], refundable))

    @post(
        "/{id:str}/refund",
        opt=described(
            Operation(
                id="refund_purchase",
                summary="Give the money of a purchase back",
                description="All that is left, within the refund window. `amount` and `override_window` are support"
                " staff's; an override needs a reason and is written down.",
                body=RefundRequest,
                body_example={"reason": "Not what I expected"},
                status=201,
                answer=shapes.RefundShape,
                example={
                    "refund_id": examples.OTHER_ID,
                    "purchase_id": examples.ID,
                    "amount": examples.PRICE,
                    "status": "succeeded",
                },
                errors=(
                    Code.FORBIDDEN,
                    Code.NOT_FOUND,
                    Code.REFUND_WINDOW_CLOSED,
                    Code.ALREADY_REFUNDED,
                    Code.INVALID_TRANSITION,
                    Code.PROVIDER_ERROR,
                ),
            )
        ),
    )
    async def refund(
        self,
        request: AnyRequest,
        application: App,
        our_id: OurId,
    ) -> Answer:
        """Refund a purchase."""
        given = await read_body(request, RefundRequest)
        refund = await application.request_refund(
            caller_of(request),
            our_id,
            amount=Money(given.amount.amount, given.amount.currency) if given.amount else None,
            reason=given.reason,
            override_window=given.override_window,
        )
        return answer(presenting.refund(refund), 201)
