"""An object of every kind, and what it is in our words."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from billing_core.domain.facts import (
    ChargeSeen,
    CouponSeen,
    CustomerSeen,
    DiscountSeen,
    DisputeSeen,
    InvoiceLineSeen,
    InvoicePaymentSeen,
    InvoiceSeen,
    ItemSeen,
    Labels,
    ObjectKind,
    PaymentMethodSeen,
    PaymentSeen,
    PhaseSeen,
    PriceSeen,
    PriceTerms,
    ProductSeen,
    RefundSeen,
    ScheduleSeen,
    SessionSeen,
    SetupSeen,
    Snapshot,
    SubscriptionSeen,
)
from billing_core.domain.periods import Interval
from billing_stripe.facts import OBJECT_NAMES, snapshot_of
from tests.unit.stripe import stripe_json as make

T = TypeVar("T", bound=Snapshot)
START = datetime.fromtimestamp(make.START, UTC)
END = datetime.fromtimestamp(make.END, UTC)
ADA = Labels(user_id="ada")

#: An object of every kind, and what it is in our words.
READINGS: dict[ObjectKind, tuple[make.Obj, Snapshot]] = {
    ObjectKind.CUSTOMER: (
        make.customer(),
        CustomerSeen(id="cus_ada", created=START, default_payment_method_id="pm_visa", labels=ADA),
    ),
    ObjectKind.SESSION: (
        make.session(),
        SessionSeen(
            id="cs_test_1",
            created=START,
            customer_id="cus_ada",
            mode="payment",
            status="complete",
            payment_status="paid",
            expires_at=START + timedelta(days=1),
            client_reference_id="ada",
            payment_id="pi_1",
            amount_total=14_900,
            currency="usd",
            labels=Labels(user_id="ada", purchase_id="p1", resource_type="course", resource_id="k8s-101"),
        ),
    ),
    ObjectKind.SUBSCRIPTION: (
        make.subscription(),
        SubscriptionSeen(
            id="sub_1",
            created=START,
            customer_id="cus_ada",
            status="active",
            items=(
                ItemSeen(
                    id="si_1",
                    price_id="price_pro",
                    quantity=2,
                    period_start=START,
                    period_end=END,
                    terms=PriceTerms(amount=2900, currency="usd", interval=Interval.MONTH),
                ),
            ),
            default_payment_method_id="pm_visa",
            latest_invoice_id="in_1",
            labels=Labels(user_id="ada", plan_id="pro-monthly"),
        ),
    ),
    ObjectKind.SCHEDULE: (
        make.schedule(),
        ScheduleSeen(
            id="sub_sched_1",
            created=START,
            customer_id="cus_ada",
            subscription_id="sub_1",
            status="active",
            phases=(
                PhaseSeen(start=START, end=END, price_id="price_pro", quantity=1),
                PhaseSeen(start=END, price_id="price_basic", quantity=1),
            ),
        ),
    ),
    ObjectKind.INVOICE: (
        make.invoice(make.line(), make.credit()),
        InvoiceSeen(
            id="in_1",
            created=START,
            customer_id="cus_ada",
            subscription_id="sub_1",
            status="paid",
            number="A-0001",
            currency="usd",
            amount_due=5800,
            amount_paid=5800,
            billing_reason="subscription_create",
            attempt_count=1,
            finalized_at=START,
            paid_at=START + timedelta(seconds=2),
            hosted_url="https://invoice.stripe.com/i/1",
            pdf_url="https://pay.stripe.com/invoice/1/pdf",
            lines=(
                InvoiceLineSeen(
                    amount=5800,
                    period_start=START,
                    period_end=END,
                    price_id="price_pro",
                    quantity=2,
                    description="2 of Pro",
                ),
                InvoiceLineSeen(
                    amount=-1200,
                    period_start=START,
                    period_end=END,
                    proration=True,
                    price_id="price_pro",
                    quantity=2,
                    description="Unused time on Pro",
                ),
            ),
        ),
    ),
    ObjectKind.INVOICE_PAYMENT: (
        make.invoice_payment(),
        InvoicePaymentSeen(
            id="inpay_1",
            created=START,
            invoice_id="in_1",
            payment_id="pi_1",
            status="paid",
            amount_paid=5800,
            currency="usd",
        ),
    ),
    ObjectKind.PAYMENT: (
        make.payment_intent(),
        PaymentSeen(
            id="pi_1",
            created=START,
            customer_id="cus_ada",
            status="succeeded",
            amount=14_900,
            amount_received=14_900,
            currency="usd",
            charge_id="ch_1",
            description="DevOps path",
            labels=Labels(user_id="ada", purchase_id="p1"),
        ),
    ),
    ObjectKind.CHARGE: (
        make.charge(),
        ChargeSeen(
            id="ch_1",
            created=START,
            customer_id="cus_ada",
            payment_id="pi_1",
            status="succeeded",
            amount=14_900,
            amount_captured=14_900,
            currency="usd",
            description="DevOps path",
            card_fingerprint="Xt5EWLLDS7FJjR1c",
            labels=ADA,
        ),
    ),
    ObjectKind.REFUND: (
        make.refund(),
        RefundSeen(
            id="re_1",
            created=START,
            charge_id="ch_1",
            payment_id="pi_1",
            status="succeeded",
            amount=14_900,
            currency="usd",
            reason="requested_by_customer",
            labels=Labels(operation_id="op1"),
        ),
    ),
    ObjectKind.DISPUTE: (
        make.dispute(),
        DisputeSeen(
            id="du_1",
            created=START,
            charge_id="ch_1",
            payment_id="pi_1",
            status="needs_response",
            amount=14_900,
            currency="usd",
            reason="fraudulent",
        ),
    ),
    ObjectKind.COUPON: (
        make.coupon(),
        CouponSeen(id="SPRING", created=START, percent_off_basis_points=3333, duration="repeating", duration_months=3),
    ),
    ObjectKind.DISCOUNT: (
        make.discount(),
        DiscountSeen(
            id="di_1", created=START, customer_id="cus_ada", subscription_id="sub_1", coupon_id="SPRING", end=END
        ),
    ),
    ObjectKind.SETUP: (
        make.setup_intent(),
        SetupSeen(
            id="seti_1",
            created=START,
            customer_id="cus_ada",
            status="succeeded",
            payment_method_id="pm_visa",
            labels=ADA,
        ),
    ),
    ObjectKind.PAYMENT_METHOD: (
        make.payment_method(),
        PaymentMethodSeen(
            id="pm_visa",
            created=START,
            customer_id="cus_ada",
            type="card",
            brand="visa",
            last4="4242",
            exp_month=12,
            exp_year=2030,
            fingerprint="Xt5EWLLDS7FJjR1c",
        ),
    ),
    ObjectKind.PRODUCT: (
        make.product(),
        ProductSeen(
            id="prod_pro",
            created=START,
            name="Pro",
            description="Everything",
            labels=Labels(plan_id="pro-monthly"),
        ),
    ),
    ObjectKind.PRICE: (
        make.price(),
        PriceSeen(
            id="price_pro",
            created=START,
            product_id="prod_pro",
            currency="usd",
            amount=2900,
            interval=Interval.MONTH,
            lookup_key="pro-monthly",
            labels=Labels(plan_id="pro-monthly"),
        ),
    ),
}


def read(body: Mapping[str, Any]) -> Snapshot:
    return snapshot_of(next(kind for kind, name in OBJECT_NAMES.items() if name == body["object"]), body)


def read_as(kind: type[T], body: Mapping[str, Any]) -> T:
    seen = read(body)
    assert isinstance(seen, kind)
    return seen
