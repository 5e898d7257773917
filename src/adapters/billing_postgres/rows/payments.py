"""Rows of ``payments`` and ``refunds``."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import msgspec

from billing_core.domain.money import Money
from billing_core.domain.payments import Payment, PaymentContext, PaymentStatus
from billing_core.domain.refunds import Refund

__all__ = ["PaymentRow", "RefundRow"]


class PaymentRow(msgspec.Struct, kw_only=True):
    """A payment: all its amounts are in the currency that was paid in."""

    id: str
    user_id: str
    amount: int
    amount_refunded: int
    amount_disputed: int
    currency: str
    status: PaymentStatus
    description: str | None
    subscription_id: str | None
    plan_id: str | None
    purchase_id: str | None
    resource_type: str | None
    resource_id: str | None
    invoice_id: str | None
    failure_code: str | None
    failure_message: str | None
    stripe_payment_intent_id: str
    stripe_invoice_id: str | None
    paid_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, payment: Payment) -> Self:
        """How it is stored."""
        context = payment.context or PaymentContext()
        return cls(
            id=payment.id,
            user_id=payment.user_id,
            amount=payment.amount.amount,
            amount_refunded=payment.amount_refunded.amount,
            amount_disputed=payment.amount_disputed.amount,
            currency=payment.amount.currency,
            status=payment.status,
            description=payment.description,
            subscription_id=context.subscription_id,
            plan_id=context.plan_id,
            purchase_id=context.purchase_id,
            resource_type=context.resource_type,
            resource_id=context.resource_id,
            invoice_id=payment.invoice_id,
            failure_code=payment.failure_code,
            failure_message=payment.failure_message,
            stripe_payment_intent_id=payment.stripe_payment_intent_id,
            stripe_invoice_id=payment.stripe_invoice_id,
            paid_at=payment.paid_at,
            created_at=payment.created_at,
        )

    def to_domain(self) -> Payment:
        """What is stored."""
        context = PaymentContext(
            subscription_id=self.subscription_id,
            plan_id=self.plan_id,
            purchase_id=self.purchase_id,
            resource_type=self.resource_type,
            resource_id=self.resource_id,
        )
        return Payment(
            id=self.id,
            user_id=self.user_id,
            amount=Money(self.amount, self.currency),
            amount_refunded=Money(self.amount_refunded, self.currency),
            amount_disputed=Money(self.amount_disputed, self.currency),
            status=self.status,
            description=self.description,
            context=None if context == PaymentContext() else context,
            invoice_id=self.invoice_id,
            failure_code=self.failure_code,
            failure_message=self.failure_message,
            stripe_payment_intent_id=self.stripe_payment_intent_id,
            stripe_invoice_id=self.stripe_invoice_id,
            paid_at=self.paid_at,
            created_at=self.created_at,
        )


class RefundRow(msgspec.Struct, kw_only=True):
    """A refund of a payment."""

    id: str
    user_id: str
    payment_id: str
    purchase_id: str | None
    subscription_id: str | None
    amount: int
    currency: str
    status: str
    reason: str | None
    failure_reason: str | None
    stripe_refund_id: str
    operation_id: str | None
    created_at: datetime

    @classmethod
    def of(cls, refund: Refund) -> Self:
        """How it is stored."""
        return cls(
            id=refund.id,
            user_id=refund.user_id,
            payment_id=refund.payment_id,
            purchase_id=refund.purchase_id,
            subscription_id=refund.subscription_id,
            amount=refund.amount.amount,
            currency=refund.amount.currency,
            status=refund.status,
            reason=refund.reason,
            failure_reason=refund.failure_reason,
            stripe_refund_id=refund.stripe_refund_id,
            operation_id=refund.operation_id,
            created_at=refund.created_at,
        )

    def to_domain(self) -> Refund:
        """What is stored."""
        return Refund(
            id=self.id,
            user_id=self.user_id,
            payment_id=self.payment_id,
            purchase_id=self.purchase_id,
            subscription_id=self.subscription_id,
            amount=Money(self.amount, self.currency),
            status=self.status,
            reason=self.reason,
            failure_reason=self.failure_reason,
            stripe_refund_id=self.stripe_refund_id,
            operation_id=self.operation_id,
            created_at=self.created_at,
        )
