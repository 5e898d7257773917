"""Rows of ``purchases``: orders, as they were agreed, and what became of each."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import msgspec

from billing_core.domain.money import Money
from billing_core.domain.policies import RefundPolicy
from billing_core.domain.purchases import Order, Purchase, PurchaseStatus, Slot
from billing_core.domain.resources import Resource, ResourceType

__all__ = ["OrderRow", "PurchaseRow"]


class OrderRow(msgspec.Struct, kw_only=True):
    """The columns of an order; what becomes of it is derived later."""

    id: str
    user_id: str
    resource_type: ResourceType
    resource_id: str
    name: str
    price_amount: int
    price_currency: str
    refund_window_days: int
    refund_zone: str
    success_url: str
    cancel_url: str
    given_up_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, order: Order) -> Self:
        """How it is stored."""
        return cls(
            id=order.id,
            user_id=order.user_id,
            resource_type=order.resource.type,
            resource_id=order.resource.id,
            name=order.name,
            price_amount=order.price.amount,
            price_currency=order.price.currency,
            refund_window_days=order.refund.window_days,
            refund_zone=order.refund.zone,
            success_url=order.success_url,
            cancel_url=order.cancel_url,
            given_up_at=order.given_up_at,
            created_at=order.created_at,
        )

    def to_domain(self) -> Order:
        """What is stored."""
        return Order(
            id=self.id,
            user_id=self.user_id,
            resource=Resource(self.resource_type, self.resource_id),
            name=self.name,
            price=Money(self.price_amount, self.price_currency),
            refund=RefundPolicy(window_days=self.refund_window_days, zone=self.refund_zone),
            success_url=self.success_url,
            cancel_url=self.cancel_url,
            given_up_at=self.given_up_at,
            created_at=self.created_at,
        )


class PurchaseRow(msgspec.Struct, kw_only=True):
    """What is derived of a purchase. What is paid may be in another currency than the price, so each names its own."""

    id: str
    user_id: str
    resource_type: ResourceType
    resource_id: str
    name: str
    price_amount: int
    price_currency: str
    refund_window_days: int
    refund_zone: str
    is_foreign: bool = True
    status: PurchaseStatus
    slot: Slot
    captured_amount: int
    captured_currency: str
    refunded_amount: int
    refunded_currency: str
    disputed_amount: int
    disputed_currency: str
    purchased_at: datetime | None
    refunded_at: datetime | None
    disputed_at: datetime | None
    dispute_open: bool
    stripe_session_id: str | None
    checkout_url: str | None
    checkout_expires_at: datetime | None
    stripe_payment_intent_id: str | None
    created_at: datetime

    @classmethod
    def of(cls, purchase: Purchase) -> Self:
        """How it is stored: as a foreign one, where no order of ours has its id."""
        return cls(
            id=purchase.id,
            user_id=purchase.user_id,
            resource_type=purchase.resource.type,
            resource_id=purchase.resource.id,
            name=purchase.name,
            price_amount=purchase.price.amount,
            price_currency=purchase.price.currency,
            refund_window_days=purchase.refund.window_days,
            refund_zone=purchase.refund.zone,
            status=purchase.status,
            slot=purchase.slot,
            captured_amount=purchase.captured.amount,
            captured_currency=purchase.captured.currency,
            refunded_amount=purchase.amount_refunded.amount,
            refunded_currency=purchase.amount_refunded.currency,
            disputed_amount=purchase.amount_disputed.amount,
            disputed_currency=purchase.amount_disputed.currency,
            purchased_at=purchase.purchased_at,
            refunded_at=purchase.refunded_at,
            disputed_at=purchase.disputed_at,
            dispute_open=purchase.dispute_open,
            stripe_session_id=purchase.stripe_session_id,
            checkout_url=purchase.checkout_url,
            checkout_expires_at=purchase.checkout_expires_at,
            stripe_payment_intent_id=purchase.stripe_payment_intent_id,
            created_at=purchase.created_at,
        )

    def to_domain(self) -> Purchase:
        """What is stored."""
        return Purchase(
            id=self.id,
            user_id=self.user_id,
            resource=Resource(self.resource_type, self.resource_id),
            name=self.name,
            price=Money(self.price_amount, self.price_currency),
            refund=RefundPolicy(window_days=self.refund_window_days, zone=self.refund_zone),
            status=self.status,
            slot=self.slot,
            captured=Money(self.captured_amount, self.captured_currency),
            amount_refunded=Money(self.refunded_amount, self.refunded_currency),
            amount_disputed=Money(self.disputed_amount, self.disputed_currency),
            purchased_at=self.purchased_at,
            refunded_at=self.refunded_at,
            disputed_at=self.disputed_at,
            dispute_open=self.dispute_open,
            stripe_session_id=self.stripe_session_id,
            checkout_url=self.checkout_url,
            checkout_expires_at=self.checkout_expires_at,
            stripe_payment_intent_id=self.stripe_payment_intent_id,
            created_at=self.created_at,
        )
