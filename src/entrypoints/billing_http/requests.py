"""What clients send: bodies and query parameters. What is not named here is refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from billing_core.domain.change_rules import Effective
from billing_core.domain.proration import Proration
from billing_core.domain.resources import OPAQUE_ID, ResourceType

__all__ = [
    "AccessQuery",
    "CancelRequest",
    "ChangeRequest",
    "CheckRequest",
    "CheckoutRequest",
    "EventsQuery",
    "GrantRequest",
    "ListQuery",
    "MoneyGiven",
    "NoBody",
    "NoQuery",
    "PauseRequest",
    "PaymentMethodRequest",
    "PortalRequest",
    "PromotionRequest",
    "PurchaseRequest",
    "RefundRequest",
    "ResourceGiven",
]

_Url = Annotated[str, Meta(min_length=1, max_length=2048)]
_PlanId = Annotated[str, Meta(min_length=1, max_length=63)]
_Id = Annotated[str, Meta(min_length=1, max_length=255, pattern=OPAQUE_ID)]
#: Something must be said; NUL cannot be stored.
_Reason = Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
_Limit = Annotated[int, Meta(ge=1, le=100)]
_Cursor = Annotated[str, Meta(min_length=1, max_length=500)]
Time = Annotated[datetime, Meta(tz=True)]
_PromotionCode = Annotated[str, Meta(min_length=1, max_length=255, pattern="^[!-~]+$")]
_Quantity = Annotated[int, Meta(ge=1, le=10_000)]


class _Given(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a client gives: nothing but what is named."""


class NoQuery(_Given, frozen=True):
    """No query parameter at all."""


class NoBody(_Given, frozen=True):
    """No body, or an empty object."""


class MoneyGiven(_Given, frozen=True):
    """An amount: whole minor units as Stripe counts them, and the ISO 4217 code in lower case."""

    amount: Annotated[int, Meta(ge=-99_999_999, le=99_999_999)]
    currency: Annotated[str, Meta(pattern="^[a-z]{3}$")]


class ResourceGiven(_Given, frozen=True):
    """Something that can be opened."""

    resource_type: ResourceType
    resource_id: _Id


class ListQuery(_Given, frozen=True):
    """Which page of a list."""

    limit: _Limit = 20
    cursor: _Cursor | None = None


class EventsQuery(_Given, frozen=True):
    """Which published events: a user's, or everybody's."""

    user_id: _Id | None = None
    after_version: Annotated[int, Meta(ge=0, le=2**62)] = 0
    limit: _Limit = 20
    cursor: _Cursor | None = None


class AccessQuery(_Given, frozen=True):
    """At which moment, by what was known at which moment."""

    at: Time | None = None
    known_at: Time | None = None


class CheckoutRequest(_Given, frozen=True):
    """What to subscribe to, and where to come back to."""

    plan_id: _PlanId
    success_url: _Url
    cancel_url: _Url
    quantity: _Quantity = 1
    promotion_code: _PromotionCode | None = None


class CancelRequest(_Given, frozen=True):
    """At the end of the period, or now."""

    at_period_end: bool = True
    reason: _Reason | None = None


class PauseRequest(_Given, frozen=True):
    """When it is taken up again by itself, if ever."""

    resumes_at: Time | None = None


class ChangeRequest(_Given, frozen=True):
    """The plan and quantity to change to; what is left out follows the plan-change policy."""

    plan_id: _PlanId
    quantity: _Quantity | None = None
    effective: Effective | None = None
    proration: Proration | None = None
    proration_date: Time | None = None
    expected_amount_due: MoneyGiven | None = None


class PromotionRequest(_Given, frozen=True):
    """A promotion code, as customers type it in."""

    promotion_code: _PromotionCode


class PaymentMethodRequest(_Given, frozen=True):
    """Which payment method to attach; left out, ``set_default`` is true where nothing else is the default."""

    payment_method_id: Annotated[str, Meta(min_length=1, max_length=255)]
    set_default: bool | None = None


class PortalRequest(_Given, frozen=True):
    """Where the portal leads back to."""

    return_url: _Url


class PurchaseRequest(_Given, frozen=True):
    """What to buy, and where to come back to. The price is ours to say."""

    resource_type: ResourceType
    resource_id: _Id
    success_url: _Url
    cancel_url: _Url


class RefundRequest(_Given, frozen=True):
    """Why, and for support staff how much and in spite of the window."""

    reason: _Reason | None = None
    amount: MoneyGiven | None = None
    override_window: bool = False


class CheckRequest(_Given, frozen=True):
    """What to decide on."""

    resources: Annotated[tuple[ResourceGiven, ...], Meta(min_length=1, max_length=500)]


class GrantRequest(_Given, frozen=True):
    """What to open, why, and until when; for ever where that is left out."""

    resource_type: ResourceType
    resource_id: _Id
    reason: _Reason
    expires_at: Time | None = None
