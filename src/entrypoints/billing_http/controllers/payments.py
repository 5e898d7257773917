"""Payments, payment methods, and what Stripe hosts for a user."""

from __future__ import annotations

from litestar import Controller, delete, get, post

from billing_bootstrap import presenting, shapes
from billing_bootstrap.cursors import cursor_of, text_of
from billing_http import examples
from billing_http.answering import Answer, answer
from billing_http.operations import OpaqueId, Operation, caller_of, described
from billing_http.parameters import App, OurId, UserId
from billing_http.problems import Code
from billing_http.reading import AnyRequest, read_body, read_query, require_return_url
from billing_http.requests import ListQuery, NoBody, PaymentMethodRequest, PortalRequest

__all__ = ["Payments"]

_OF_STRIPE = (Code.IDEMPOTENCY_IN_PROGRESS, Code.PROVIDER_ERROR)
_USER = OpaqueId("The `sub` of the user's token.", examples.USER, is_user=True)
_METHOD = OpaqueId("The id of a payment method, as Stripe gave it.", examples.PAYMENT_METHOD["id"])


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
        "/methods/{id:str}",
        opt=described(
            Operation(
                id="list_payment_methods",
                summary="A user's payment methods",
                opaque_id=_USER,
                answer=shapes.PaymentMethodsShape,
                example={"payment_methods": [examples.PAYMENT_METHOD]},
                errors=(Code.FORBIDDEN,),
            )
        ),
    )
    async def methods(self, request: AnyRequest, application: App, our_id: OurId) -> Answer:
        """The attached payment methods, oldest first."""
        found = await application.look_up.payment_methods(caller_of(request), our_id)
        return answer(shapes.PaymentMethodsShape(tuple(map(presenting.payment_method, found))))

    @post(
        "/methods",
        opt=described(
            Operation(
                id="attach_payment_method",
                summary="Add a payment method to one's own",
                description="The method is made in the browser, by Stripe's own form. It becomes the one that is"
                " charged with `set_default`, or where nothing else is. A declined card is `provider_error` with its"
                " `decline_code`. What a setup intent saved is attached already.",
                body=PaymentMethodRequest,
                body_example={"payment_method_id": examples.PAYMENT_METHOD["id"], "set_default": True},
                status=201,
                answer=shapes.PaymentMethodShape,
                example=examples.PAYMENT_METHOD,
                errors=(Code.NOT_FOUND, *_OF_STRIPE),
            )
        ),
    )
    async def attach(self, request: AnyRequest, application: App) -> Answer:
        """Attach, for the caller themselves."""
        given = await read_body(request, PaymentMethodRequest)
        attached = await application.attach_payment_method(
            caller_of(request), given.payment_method_id, set_default=given.set_default
        )
        return answer(presenting.payment_method(attached), 201)

    @delete(
        "/methods/{id:str}",
        status_code=204,
        opt=described(
            Operation(
                id="detach_payment_method",
                summary="Remove a payment method, for ever",
                description="A removed default passes to the newest other one. The only one is not removed while a"
                " subscription that is not ending needs it.",
                opaque_id=_METHOD,
                status=204,
                errors=(Code.FORBIDDEN, Code.NOT_FOUND, Code.PAYMENT_METHOD_IN_USE, *_OF_STRIPE),
            )
        ),
    )
    async def detach(self, request: AnyRequest, application: App, our_id: OurId) -> None:
        """Detach."""
        await application.detach_payment_method(caller_of(request), our_id)

    @post(
        "/methods/{id:str}/default",
        status_code=200,
        opt=described(
            Operation(
                id="set_default_payment_method",
                summary="Choose which payment method is charged",
                description="From now on, for subscriptions that run already too. Also for a method that a setup"
                " intent has just saved.",
                opaque_id=_METHOD,
                body=NoBody,
                answer=shapes.PaymentMethodShape,
                example=examples.PAYMENT_METHOD,
                errors=(Code.FORBIDDEN, Code.NOT_FOUND, *_OF_STRIPE),
            )
        ),
    )
    async def make_default(self, request: AnyRequest, application: App, our_id: OurId) -> Answer:
        """Make it the default."""
        await read_body(request, NoBody)
        chosen = await application.set_default_payment_method(caller_of(request), our_id)
        return answer(presenting.payment_method(chosen))

    @post(
        "/setup-intent",
        opt=described(
            Operation(
                id="create_setup_intent",
                summary="Begin to save a payment method without paying",
                description="With `client_secret` and `publishable_key` the browser confirms it by Stripe.js; the"
                " method is then attached, and charged once it is made the default.",
                body=NoBody,
                status=201,
                answer=shapes.SetupShape,
                example=examples.SETUP,
                secret=True,
                errors=_OF_STRIPE,
            )
        ),
    )
    async def setup(self, request: AnyRequest, application: App) -> Answer:
        """Begin to save a method, for the caller themselves."""
        await read_body(request, NoBody)
        opened = await application.open_hosted.setup(caller_of(request))
        key = application.settings.stripe_publishable_key
        return answer(shapes.SetupShape(opened.id, opened.secret, key), 201)

    @post(
        "/portal-session",
        opt=described(
            Operation(
                id="create_portal_session",
                summary="Open Stripe's customer portal",
                description="It leads back to `return_url`, which is on an origin that this service knows.",
                body=PortalRequest,
                body_example={"return_url": "https://app.example.com/account"},
                status=201,
                answer=shapes.PortalShape,
                example={"url": "https://billing.stripe.com/p/session/test_YWNjdF8xU1dwTDI"},
                secret=True,
                errors=_OF_STRIPE,
            )
        ),
    )
    async def portal(self, request: AnyRequest, application: App) -> Answer:
        """Open the portal, for the caller themselves."""
        given = await read_body(request, PortalRequest)
        origins = frozenset(application.settings.checkout_return_origins)
        return_url = require_return_url("return_url", given.return_url, origins)
        opened = await application.open_hosted.portal(caller_of(request), return_url)
        return answer(shapes.PortalShape(opened.secret), 201)
