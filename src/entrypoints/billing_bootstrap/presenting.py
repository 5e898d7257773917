"""Presenting: what the core answers, in the shapes that clients are shown (`billing_bootstrap.shapes`)."""

from __future__ import annotations

from datetime import datetime

from billing_bootstrap import shapes
from billing_core.domain.access import Decision, Grant, Source, UserAccess
from billing_core.domain.dunning import Dunning
from billing_core.domain.errors import AlreadyRefunded, BillingError, RefundWindowClosed
from billing_core.domain.invoices import Invoice
from billing_core.domain.money import Money
from billing_core.domain.payment_methods import PaymentMethod
from billing_core.domain.payments import Payment, PaymentContext
from billing_core.domain.plans import Plan
from billing_core.domain.purchases import Purchase
from billing_core.domain.refunds import Refund, Refundability
from billing_core.domain.resources import Resource
from billing_core.domain.subscriptions import Subscription
from billing_core.use_cases.change_plan import PreviewedChange
from billing_core.use_cases.look_up import SubscriptionStatus
from billing_core.use_cases.open_subscription_checkout import OpenedCheckout

__all__ = [
    "checkout_session",
    "decision",
    "dunning",
    "grant",
    "grants",
    "invoice",
    "money",
    "payment",
    "payment_method",
    "plan",
    "preview",
    "purchase",
    "purchase_checkout",
    "purchase_status",
    "refund",
    "status",
    "subscription",
]


def money(amount: Money) -> shapes.MoneyShape:
    """An amount."""
    return shapes.MoneyShape(amount.amount, amount.currency)


def resource(one: Resource) -> shapes.ResourceShape:
    """Something that can be opened."""
    return shapes.ResourceShape(one.type, one.id)


def plan(one: Plan) -> shapes.PlanShape:
    """A plan."""
    return shapes.PlanShape(
        id=one.id,
        name=one.name,
        description=one.description,
        price=money(one.price),
        interval=one.interval,
        interval_count=one.interval_count,
        trial_days=one.trial_days,
        features=one.features,
        grants=tuple(map(resource, one.grants)),
    )


def subscription(one: Subscription) -> shapes.SubscriptionShape:
    """A subscription."""
    change, rests = one.pending_change, one.pause_starts_at
    return shapes.SubscriptionShape(
        id=one.id,
        user_id=one.user_id,
        plan_id=one.plan_id,
        status=one.status,
        quantity=one.quantity,
        current_period_start=one.current_period_start,
        current_period_end=one.current_period_end,
        trial_end=one.trial_end,
        cancel_at_period_end=one.cancel_at_period_end,
        canceled_at=one.canceled_at,
        ended_at=one.ended_at,
        pending_change=shapes.PendingChangeShape(change.plan_id, change.quantity, change.effective_at)
        if change
        else None,
        pause=shapes.PauseShape(rests, one.pause_resumes_at) if rests else None,
        discounts=tuple(shapes.DiscountShape(d.stripe_coupon_id, d.starts_at, d.ends_at) for d in one.discounts),
        grace_until=one.grace_until,
        stripe_subscription_id=one.stripe_subscription_id,
        created_at=one.created_at,
        updated_at=one.updated_at,
    )


def status(one: SubscriptionStatus) -> shapes.StatusShape:
    """A user's subscription status."""
    counts = subscription(one.subscription) if one.subscription else None
    owed = one.subscription.dunning if one.subscription else None
    return shapes.StatusShape(one.user_id, one.has_access, counts, dunning(owed, one.as_of) if owed else None)


def dunning(one: Dunning, now: datetime) -> shapes.DunningShape:
    """An unpaid renewal, as its customer sees it at ``now`` (UTC). What was done about it, events tell."""
    return shapes.DunningShape(
        stripe_invoice_id=one.stripe_invoice_id,
        amount_due=money(one.amount_due),
        hosted_invoice_url=one.hosted_invoice_url,
        first_failed_at=one.first_failed_at,
        attempts=one.attempts,
        next_retry_at=one.next_retry_at(now),
        decline_code=one.decline_code,
        needs_new_payment_method=one.hard_decline,
        ends_at=one.ends_at,
    )


def checkout_session(opened: OpenedCheckout) -> shapes.CheckoutSessionShape:
    """An open checkout session."""
    session = opened.session
    return shapes.CheckoutSessionShape(session.id, session.url or "", session.expires_at, opened.trial_days)


def preview(one: PreviewedChange) -> shapes.PreviewShape:
    """What a change of plan would charge."""
    lines = (
        shapes.PreviewLineShape(
            description=line.description,
            amount=money(line.amount),
            proration=line.proration,
            period_start=line.period_start,
            period_end=line.period_end,
        )
        for line in one.preview.lines
    )
    return shapes.PreviewShape(
        amount_due=money(one.preview.amount_due),
        credit=money(one.preview.credit),
        lines=tuple(lines),
        effective_at=one.effective_at,
        next_invoice_at=one.preview.next_invoice_at,
        proration_date=one.preview.proration_date,
    )


def payment_method(one: PaymentMethod) -> shapes.PaymentMethodShape:
    """A payment method."""
    card = shapes.CardShape(one.brand, one.last4, one.exp_month, one.exp_year) if one.last4 and one.brand else None
    return shapes.PaymentMethodShape(one.id, one.type, card, one.is_default, one.created_at)


def payment(one: Payment) -> shapes.PaymentShape:
    """A payment."""
    return shapes.PaymentShape(
        id=one.id,
        amount=money(one.amount),
        amount_refunded=money(one.amount_refunded),
        status=one.status,
        description=one.description,
        context=_context(one.context) if one.context else None,
        invoice_id=one.invoice_id,
        failure_code=one.failure_code,
        failure_message=one.failure_message,
        stripe_payment_intent_id=one.stripe_payment_intent_id,
        created_at=one.created_at,
    )


def _context(one: PaymentContext) -> shapes.PaymentContextShape:
    if one.purchase_id is not None:
        return shapes.PaymentContextShape(
            "purchase", purchase_id=one.purchase_id, resource_type=one.resource_type, resource_id=one.resource_id
        )
    return shapes.PaymentContextShape("subscription", subscription_id=one.subscription_id, plan_id=one.plan_id)


def purchase(one: Purchase) -> shapes.PurchaseShape:
    """A purchase."""
    return shapes.PurchaseShape(
        id=one.id,
        user_id=one.user_id,
        resource_type=one.resource.type,
        resource_id=one.resource.id,
        price=money(one.price),
        amount_refunded=money(one.amount_refunded),
        status=one.status,
        purchased_at=one.purchased_at,
        refunded_at=one.refunded_at,
        stripe_payment_intent_id=one.stripe_payment_intent_id,
        created_at=one.created_at,
    )


def purchase_checkout(one: Purchase) -> shapes.PurchaseCheckoutShape:
    """A purchase whose checkout session is open."""
    return shapes.PurchaseCheckoutShape(
        purchase_id=one.id,
        session_id=one.stripe_session_id or "",
        url=one.checkout_url or "",
        expires_at=one.checkout_expires_at,
        price=money(one.price),
    )


def purchase_status(one: Purchase, access: Decision, refundable: Refundability) -> shapes.PurchaseStatusShape:
    """A purchase, what it opens, and whether it may be refunded."""
    return shapes.PurchaseStatusShape(
        purchase=purchase(one),
        access=decision(access),
        refund=shapes.RefundableShape(
            eligible=refundable.eligible,
            reason=_refusal(refundable.refusal) if refundable.refusal else None,
            refundable=money(refundable.refundable),
            until=refundable.until,
        ),
    )


def _refusal(error: BillingError) -> str:
    """Why there is no refund, by the code that asking for one would be answered with."""
    if isinstance(error, RefundWindowClosed):
        return "refund_window_closed"
    return "already_refunded" if isinstance(error, AlreadyRefunded) else "invalid_transition"


def refund(one: Refund) -> shapes.RefundShape:
    """A refund."""
    return shapes.RefundShape(one.id, one.purchase_id, money(one.amount), one.status)


def source(one: Source) -> shapes.SourceShape:
    """What a grant comes from."""
    return shapes.SourceShape(one.kind, one.id)


def decision(one: Decision) -> shapes.DecisionShape:
    """An access decision."""
    return shapes.DecisionShape(
        resource_type=one.resource.type,
        resource_id=one.resource.id,
        allowed=one.allowed,
        reason=one.reason,
        source=source(one.source) if one.source else None,
        expires_at=one.expires_at,
    )


def grant(one: Grant) -> shapes.GrantShape:
    """A grant."""
    return shapes.GrantShape(one.resource.type, one.resource.id, source(one.source), one.granted_at, one.expires_at)


def grants(access: UserAccess) -> shapes.GrantsShape:
    """The grants in force."""
    return shapes.GrantsShape(access.user_id, access.version, tuple(map(grant, access.grants)))


def invoice(one: Invoice) -> shapes.InvoiceShape:
    """An invoice."""
    return shapes.InvoiceShape(
        id=one.id,
        number=one.number,
        status=one.status,
        amount_due=money(one.amount_due),
        amount_paid=money(one.amount_paid),
        period_start=one.period_start,
        period_end=one.period_end,
        subscription_id=one.subscription_id,
        hosted_invoice_url=one.hosted_invoice_url,
        invoice_pdf_url=one.invoice_pdf_url,
        stripe_invoice_id=one.stripe_invoice_id,
        created_at=one.created_at,
    )
