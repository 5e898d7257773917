"""Examples of what a user has: the rows of an account, and what they come from."""

from __future__ import annotations

from datetime import timedelta

from billing_contracts.examples.moments import COURSE, LAB, after, ours
from billing_core.domain.access import Blocked, Grant, ManualGrant, Opened, Source, SourceKind, UserAccess
from billing_core.domain.account import Account
from billing_core.domain.discounts import RunningDiscount
from billing_core.domain.dunning import Dunning, StepDone
from billing_core.domain.invoices import Invoice
from billing_core.domain.money import Money
from billing_core.domain.payment_methods import PaymentMethod
from billing_core.domain.payments import Payment, PaymentContext, PaymentStatus
from billing_core.domain.policies import RefundPolicy
from billing_core.domain.purchases import Order, Purchase, PurchaseStatus, Slot
from billing_core.domain.refunds import Refund
from billing_core.domain.resources import EVERYTHING, Resource
from billing_core.domain.steps import NextStep, StepKind
from billing_core.domain.subscriptions import PendingChange, Subscription

__all__ = [
    "account",
    "grant",
    "invoice",
    "manual_grant",
    "order",
    "payment",
    "payment_method",
    "purchase",
    "refund",
    "subscription",
    "user_access",
]


def order(number: int = 1, *, user_id: str = "user-1", resource: Resource = COURSE) -> Order:
    """An order of one thing."""
    return Order(
        id=ours(number),
        user_id=user_id,
        resource=resource,
        name=f"The {resource.type} {resource.id}",
        price=Money(4900, "usd"),
        refund=RefundPolicy(window_days=14, zone="Europe/Berlin"),
        success_url="https://shop.example/thanks",
        cancel_url="https://shop.example/back",
        created_at=after(number),
    )


def purchase(of: Order, *, slot: Slot = Slot.OWNED, refunded: int = 0) -> Purchase:
    """What became of an order: paid, unless its slot says otherwise."""
    paid = slot in {Slot.OWNED, Slot.DUPLICATE} or refunded > 0
    status = {Slot.RESERVED: PurchaseStatus.PENDING, Slot.PROCESSING: PurchaseStatus.PENDING}.get(slot)
    if paid:
        whole = refunded == of.price.amount
        partly = PurchaseStatus.REFUNDED if whole else PurchaseStatus.PARTIALLY_REFUNDED
        status = partly if refunded else PurchaseStatus.COMPLETED
    currency = of.price.currency
    return Purchase(
        id=of.id,
        user_id=of.user_id,
        resource=of.resource,
        name=of.name,
        price=of.price,
        refund=of.refund,
        status=status or PurchaseStatus.EXPIRED,
        slot=slot,
        captured=of.price if paid else Money.zero(currency),
        amount_refunded=Money(refunded, currency),
        amount_disputed=Money.zero(currency),
        purchased_at=of.created_at if paid else None,
        refunded_at=of.created_at if refunded else None,
        disputed_at=None,
        dispute_open=False,
        stripe_session_id=f"cs_{of.id[-4:]}",
        checkout_url=f"https://checkout.example/{of.id}" if slot is Slot.RESERVED else None,
        checkout_expires_at=of.created_at + timedelta(days=1),
        stripe_payment_intent_id=f"pi_{of.id[-4:]}" if paid else None,
        created_at=of.created_at,
    )


def subscription(number: int = 1, *, user_id: str = "user-1", status: str = "active") -> Subscription:
    """A subscription with a change of plan that is to come."""
    return Subscription(
        id=ours(100 + number),
        user_id=user_id,
        plan_id="pro-monthly",
        plan_version=1,
        status=status,
        quantity=3,
        current_period_start=after(number),
        current_period_end=after(number) + timedelta(days=31),
        trial_end=None,
        cancel_at_period_end=False,
        cancel_at=None,
        canceled_at=None,
        ended_at=None,
        cancellation_reason=None,
        pending_change=PendingChange(
            plan_id="basic-monthly", quantity=2, effective_at=after(number) + timedelta(days=31)
        ),
        paid_through=after(number) + timedelta(days=31),
        past_due_since=None,
        grace_until=None,
        pause_behavior=None,
        pause_starts_at=None,
        pause_resumes_at=None,
        trial_ending_at=None,
        stripe_subscription_id=f"sub_{number}",
        stripe_item_id=f"si_{number}",
        stripe_schedule_id=f"sub_sched_{number}",
        created_at=after(number),
        discounts=(
            RunningDiscount(stripe_coupon_id="SPRING", starts_at=after(number), ends_at=after(number + 60)),
            RunningDiscount(stripe_coupon_id="FRIEND", starts_at=after(number), ends_at=None),
        ),
        dunning=Dunning(
            stripe_invoice_id="in_1",
            amount_due=Money(5997, "usd"),
            hosted_invoice_url="https://invoice.example/in_1",
            first_failed_at=after(number),
            attempts=2,
            retries_at=(after(number) + timedelta(days=3), after(number) + timedelta(days=5)),
            decline_code="insufficient_funds",
            hard_decline=False,
            steps=(
                StepDone(
                    name="retry 3", kind=StepKind.RETRY, taken_at=after(number) + timedelta(days=3), skipped=False
                ),
            ),
            ends_at=after(number) + timedelta(days=7),
        ),
        next_step=NextStep(kind=StepKind.RETRY, subject="in_1", number="5", due_at=after(number) + timedelta(days=5)),
        updated_at=after(number + 5),
    )


def payment(number: int = 1, *, user_id: str = "user-1", context: PaymentContext | None = None) -> Payment:
    """A payment that succeeded."""
    return Payment(
        id=ours(200 + number),
        user_id=user_id,
        amount=Money(4900, "usd"),
        amount_refunded=Money(0, "usd"),
        amount_disputed=Money(0, "usd"),
        status=PaymentStatus.SUCCEEDED,
        description="The course python-101",
        context=context,
        invoice_id=None,
        failure_code=None,
        failure_message=None,
        stripe_payment_intent_id=f"pi_{number}",
        stripe_invoice_id=None,
        paid_at=after(number),
        created_at=after(number),
    )


def refund(number: int = 1, *, user_id: str = "user-1") -> Refund:
    """A refund of `payment` of the same number."""
    return Refund(
        id=ours(300 + number),
        user_id=user_id,
        payment_id=ours(200 + number),
        purchase_id=ours(number),
        subscription_id=None,
        amount=Money(1200, "usd"),
        status="succeeded",
        reason="requested_by_customer",
        failure_reason=None,
        stripe_refund_id=f"re_{number}",
        operation_id=ours(400 + number),
        created_at=after(number),
    )


def invoice(number: int = 1, *, user_id: str = "user-1") -> Invoice:
    """A paid invoice of `subscription` 1."""
    return Invoice(
        id=ours(500 + number),
        user_id=user_id,
        number=f"A-{number:04}",
        status="paid",
        amount_due=Money(1999, "usd"),
        amount_paid=Money(1999, "usd"),
        period_start=after(number),
        period_end=after(number) + timedelta(days=31),
        subscription_id=ours(101),
        hosted_invoice_url="https://invoice.example/hosted",
        invoice_pdf_url="https://invoice.example/pdf",
        attempt_count=1,
        next_attempt_at=None,
        paid_at=after(number),
        stripe_invoice_id=f"in_{number}",
        created_at=after(number),
    )


def payment_method(number: int = 1, *, user_id: str = "user-1", is_default: bool = False) -> PaymentMethod:
    """A card."""
    return PaymentMethod(
        id=f"pm_{user_id}_{number}",
        user_id=user_id,
        type="card",
        brand="visa",
        last4=f"{4240 + number}",
        exp_month=12,
        exp_year=2034,
        fingerprint=f"fingerprint-{number}",
        is_default=is_default,
        created_at=after(number),
    )


def grant(number: int = 1, *, resource: Resource = COURSE, blocked: Blocked | None = None) -> Grant:
    """What a purchase opens, or opened until it was blocked."""
    return Grant(
        resource=resource,
        source=Source(SourceKind.PURCHASE, ours(number)),
        granted_at=after(number),
        expires_at=None,
        opens=Opened.PURCHASED,
        blocked=blocked,
        blocked_at=after(number + 1) if blocked else None,
    )


def account(user_id: str = "user-1") -> Account:
    """An account with a row of each kind; everybody's ids are their own."""
    number = 1 + sum(map(ord, user_id))
    bought = order(number, user_id=user_id)
    context = PaymentContext(purchase_id=bought.id, resource_type="course", resource_id="python-101")
    return Account(
        user_id=user_id,
        subscriptions=(subscription(number, user_id=user_id),),
        purchases=(purchase(bought),),
        payments=(payment(number, user_id=user_id, context=context),),
        refunds=(refund(number, user_id=user_id),),
        invoices=(invoice(number, user_id=user_id),),
        payment_methods=(payment_method(number, user_id=user_id, is_default=True),),
        grants=(grant(number), grant(number, resource=LAB, blocked=Blocked.REFUNDED)),
    )


def manual_grant(number: int = 1, *, user_id: str = "user-1") -> ManualGrant:
    """A grant by hand."""
    return ManualGrant(
        id=ours(600 + number),
        user_id=user_id,
        resource=EVERYTHING,
        reason="A prize",
        granted_by="admin-1",
        granted_at=after(number),
        expires_at=after(number) + timedelta(days=30),
    )


def user_access(version: int = 1, *, user_id: str = "user-1") -> UserAccess:
    """The grants and the subscription of a user, different for each version."""
    return UserAccess(
        user_id=user_id,
        version=version,
        grants=tuple(grant(number) for number in range(version % 3 + 1)),
        subscription=subscription(version, user_id=user_id),
    )
