"""Subscriptions: plans, status, checkout, cancel, pause, resume, change and preview."""

from __future__ import annotations

import hashlib

import msgspec
from litestar import Controller, Response, delete, get, post, put

from billing_bootstrap import presenting, shapes
from billing_core.domain.money import Money
from billing_core.domain.plans import Catalog
from billing_core.domain.proration import PlanChange
from billing_http import examples
from billing_http.answering import Answer, answer
from billing_http.operations import Operation, caller_of, described
from billing_http.parameters import App, OurId, UserId
from billing_http.problems import Code
from billing_http.reading import AnyRequest, read_body, require_return_url, utc
from billing_http.requests import (
    CancelRequest,
    ChangeRequest,
    CheckoutRequest,
    NoBody,
    PauseRequest,
    PromotionRequest,
)

__all__ = ["Subscriptions", "plans_page"]

_OF_STRIPE = (Code.PROVIDER_ERROR,)


def plans_page(catalog: Catalog) -> tuple[bytes, dict[str, str]]:
    """The plans on sale as they are answered, and the headers by which a client knows whether it has them already."""
    body = msgspec.json.encode(shapes.PlansShape(tuple(map(presenting.plan, catalog.on_sale()))))
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return body, {"etag": tag, "cache-control": "public, max-age=0, must-revalidate"}


class Subscriptions(Controller):
    """``/api/subscriptions``."""

    path = "/subscriptions"

    @get(
        "/plans",
        opt=described(
            Operation(
                id="list_plans",
                summary="The plans on sale",
                description="Send the `ETag` back in `If-None-Match`: while nothing changed the answer is 304.",
                public=True,
                answer=shapes.PlansShape,
                example={"plans": [examples.PLAN]},
                headers={"ETag": "Changes with the plans.", "Cache-Control": "May be kept, and is to be revalidated."},
            )
        ),
    )
    async def plans(self, request: AnyRequest, application: App) -> Answer:
        """The plans on sale, dearer ones last."""
        body, headers = plans_page(await application.catalogs.current())
        known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
        if known & {headers["etag"], "*"}:
            return Response(b"", status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    @get(
        "/status/{user_id:str}",
        opt=described(
            Operation(
                id="get_subscription_status",
                summary="Whether a user's subscription opens something now",
                answer=shapes.StatusShape,
                example={
                    "user_id": examples.USER,
                    "has_access": True,
                    "subscription": examples.SUBSCRIPTION,
                    "dunning": None,
                },
                errors=(Code.FORBIDDEN,),
            )
        ),
    )
    async def status(self, request: AnyRequest, application: App, user_id: UserId) -> Answer:
        """The subscription that counts now, or the last."""
        found = await application.look_up.status(caller_of(request), user_id)
        return answer(presenting.status(found))

    @post(
        "/checkout-session",
        opt=described(
            Operation(
                id="create_subscription_checkout",
                summary="Open a checkout page to subscribe on",
                description="An identical request while its session is open is answered with that session again;"
                " any other one closes the open session first.",
                body=CheckoutRequest,
                body_example={"plan_id": "pro-monthly", **examples.RETURN_URLS},
                status=201,
                answer=shapes.CheckoutSessionShape,
                example={**examples.SESSION, "trial_days": 14},
                errors=(Code.NOT_FOUND, Code.ALREADY_SUBSCRIBED, Code.IDEMPOTENCY_IN_PROGRESS, *_OF_STRIPE),
            )
        ),
    )
    async def checkout(self, request: AnyRequest, application: App) -> Answer:
        """Begin to subscribe, for the caller themselves."""
        given = await read_body(request, CheckoutRequest)
        origins = frozenset(application.settings.checkout_return_origins)
        opened = await application.open_subscription_checkout(
            caller_of(request),
            given.plan_id,
            success_url=require_return_url("success_url", given.success_url, origins),
            cancel_url=require_return_url("cancel_url", given.cancel_url, origins),
            quantity=given.quantity,
            promotion_code=given.promotion_code,
        )
        return answer(presenting.checkout_session(opened), 201)

    @post(
        "/{id:str}/cancel",
        status_code=200,
        opt=described(
            Operation(
                id="cancel_subscription",
                summary="Cancel, at the end of the period or now",
                description="Until the period ends it can be resumed. Ended now it is over for good: access goes with"
                " it, and nothing is given back for the rest of the period.",
                body=CancelRequest,
                body_example={"at_period_end": True, "reason": "Too little time to learn"},
                answer=shapes.SubscriptionShape,
                example={
                    **examples.SUBSCRIPTION,
                    "cancel_at_period_end": True,
                    "canceled_at": examples.PREVIEW["proration_date"],
                },
                errors=(Code.FORBIDDEN, Code.NOT_FOUND, Code.INVALID_TRANSITION, *_OF_STRIPE),
            )
        ),
    )
    async def cancel(
        self,
        request: AnyRequest,
        application: App,
        our_id: OurId,
    ) -> Answer:
        """End a subscription."""
        given = await read_body(request, CancelRequest)
        canceled = await application.cancel_subscription(
            caller_of(request), our_id, at_period_end=given.at_period_end, reason=given.reason
        )
        return answer(presenting.subscription(canceled))

    @post(
        "/{id:str}/resume",
        status_code=200,
        opt=described(
            Operation(
                id="resume_subscription",
                summary="Take a cancellation or a pause back",
                description="A cancellation at the period's end, or a pause, also one that is only to come. A"
                " subscription that rests begins a new period, charged at once: while that is unpaid its status stays"
                " `paused`.",
                body=NoBody,
                answer=shapes.SubscriptionShape,
                example=examples.SUBSCRIPTION,
                errors=(Code.FORBIDDEN, Code.NOT_FOUND, Code.INVALID_TRANSITION, *_OF_STRIPE),
            )
        ),
    )
    async def resume(
        self,
        request: AnyRequest,
        application: App,
        our_id: OurId,
    ) -> Answer:
        """Let a subscription go on."""
        await read_body(request, NoBody)
        return answer(presenting.subscription(await application.resume_subscription(caller_of(request), our_id)))

    @post(
        "/{id:str}/pause",
        status_code=200,
        opt=described(
            Operation(
                id="pause_subscription",
                summary="Pause, from the end of the period on",
                description="What is paid for stays open until then, and nothing is charged any more. `resumes_at`"
                " is after that; left out, it rests until somebody resumes it. One that is being canceled, or whose"
                " plan is to change, is not paused.",
                body=PauseRequest,
                body_example={"resumes_at": "2027-03-01T00:00:00Z"},
                answer=shapes.SubscriptionShape,
                example={
                    **examples.SUBSCRIPTION,
                    "pause": {
                        "starts_at": examples.SUBSCRIPTION["current_period_end"],
                        "resumes_at": "2027-03-01T00:00:00Z",
                    },
                },
                errors=(Code.FORBIDDEN, Code.NOT_FOUND, Code.INVALID_TRANSITION, *_OF_STRIPE),
            )
        ),
    )
    async def pause(
        self,
        request: AnyRequest,
        application: App,
        our_id: OurId,
    ) -> Answer:
        """Let a subscription rest."""
        given = await read_body(request, PauseRequest)
        paused = await application.pause_subscription(
            caller_of(request), our_id, resumes_at=utc("resumes_at", given.resumes_at)
        )
        return answer(presenting.subscription(paused))

    @put(
        "/{id:str}",
        opt=described(
            Operation(
                id="change_subscription",
                summary="Change the plan or the quantity",
                description="An upgrade takes effect now and is invoiced at once, a downgrade at the period's end,"
                " unless told otherwise. With `proration_date` and `expected_amount_due` from a preview it charges"
                " that, or answers `preview_outdated`. Asking for the present plan takes a change that is to come"
                " back; any change gives up a pause that is to come.",
                body=ChangeRequest,
                body_example={"plan_id": "team-monthly"},
                answer=shapes.SubscriptionShape,
                example={**examples.SUBSCRIPTION, "plan_id": "team-monthly"},
                errors=(
                    Code.FORBIDDEN,
                    Code.NOT_FOUND,
                    Code.INVALID_TRANSITION,
                    Code.PREVIEW_OUTDATED,
                    *_OF_STRIPE,
                ),
            )
        ),
    )
    async def change(
        self,
        request: AnyRequest,
        application: App,
        our_id: OurId,
    ) -> Answer:
        """Give a subscription another plan or quantity."""
        wanted = _wanted(await read_body(request, ChangeRequest))
        return answer(presenting.subscription(await application.change_plan(caller_of(request), our_id, wanted)))

    @post(
        "/{id:str}/preview",
        status_code=200,
        opt=described(
            Operation(
                id="preview_subscription_change",
                summary="What a change would charge, to the cent",
                description="Takes the body of the change itself, and changes nothing.",
                body=ChangeRequest,
                body_example={"plan_id": "team-monthly"},
                answer=shapes.PreviewShape,
                example=examples.PREVIEW,
                errors=(Code.FORBIDDEN, Code.NOT_FOUND, Code.INVALID_TRANSITION, *_OF_STRIPE),
            )
        ),
    )
    async def preview(
        self,
        request: AnyRequest,
        application: App,
        our_id: OurId,
    ) -> Answer:
        """Say what a change would charge."""
        wanted = _wanted(await read_body(request, ChangeRequest))
        return answer(presenting.preview(await application.preview_change(caller_of(request), our_id, wanted)))

    @post(
        "/{id:str}/promotion-code",
        status_code=200,
        opt=described(
            Operation(
                id="apply_promotion_code",
                summary="Redeem a promotion code",
                description="Its discount counts from the next invoice on, also in previews, and replaces one that"
                " runs. A code is redeemed once by a customer; one that is unknown, expired or used up is refused"
                " (`provider_code` is `promotion_code_invalid`). Not while a change of plan is pending.",
                body=PromotionRequest,
                body_example={"promotion_code": "SPRING"},
                answer=shapes.SubscriptionShape,
                example=examples.SUBSCRIPTION,
                errors=(Code.FORBIDDEN, Code.NOT_FOUND, Code.INVALID_TRANSITION, *_OF_STRIPE),
            )
        ),
    )
    async def apply_promotion(
        self,
        request: AnyRequest,
        application: App,
        our_id: OurId,
    ) -> Answer:
        """Let a subscription cost less."""
        given = await read_body(request, PromotionRequest)
        changed = await application.apply_promotion_code(caller_of(request), our_id, given.promotion_code)
        return answer(presenting.subscription(changed))

    @delete(
        "/{id:str}/promotion-code",
        status_code=200,
        opt=described(
            Operation(
                id="end_discount",
                summary="Do without the discount",
                description="From the next invoice on the full price is charged.",
                answer=shapes.SubscriptionShape,
                example=examples.SUBSCRIPTION,
                errors=(Code.FORBIDDEN, Code.NOT_FOUND, Code.INVALID_TRANSITION, *_OF_STRIPE),
            )
        ),
    )
    async def end_discount(
        self,
        request: AnyRequest,
        application: App,
        our_id: OurId,
    ) -> Answer:
        """Let a subscription cost its full price."""
        return answer(presenting.subscription(await application.end_discount(caller_of(request), our_id)))


def _wanted(given: ChangeRequest) -> PlanChange:
    due = given.expected_amount_due
    return PlanChange(
        plan_id=given.plan_id,
        quantity=given.quantity,
        effective=given.effective,
        proration=given.proration,
        proration_date=utc("proration_date", given.proration_date),
        expected_amount_due=Money(due.amount, due.currency) if due else None,
    )
