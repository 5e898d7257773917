"""Examples of what is sent and answered, for the OpenAPI document. A test reads each as what it is an example of."""

from __future__ import annotations

from typing import Any

__all__ = [
    "COURSE",
    "DECISION",
    "EVENT",
    "GRANT",
    "HEALTH",
    "ID",
    "INVOICE",
    "OTHER_ID",
    "PAYMENT",
    "PAYMENT_METHOD",
    "PLAN",
    "PREVIEW",
    "PRICE",
    "PURCHASE",
    "RETURN_URLS",
    "SESSION",
    "SETUP",
    "SUBSCRIPTION",
    "UNHEALTHY",
    "USER",
]

Json = dict[str, Any]

USER = "learner-1"
ID = "01936f2e-8c4a-7c3e-9a41-5f2b7c8d9e01"
OTHER_ID = "01936f2e-9d5b-7f10-8b52-6a3c8d9e0f12"
_START, _END = "2026-11-22T20:59:00Z", "2026-12-22T20:59:00Z"

PRICE: Json = {"amount": 4900, "currency": "usd"}
COURSE: Json = {"resource_type": "course", "resource_id": "k8s-101"}
RETURN_URLS: Json = {"success_url": "https://app.example.com/thanks", "cancel_url": "https://app.example.com/plans"}
PLAN: Json = {
    "id": "pro-monthly",
    "name": "Pro",
    "description": "Everything, month by month",
    "price": {"amount": 2900, "currency": "usd"},
    "interval": "month",
    "interval_count": 1,
    "trial_days": 14,
    "features": ["All courses", "All labs"],
    "grants": [{"resource_type": "platform", "resource_id": "*"}],
}
SUBSCRIPTION: Json = {
    "id": ID,
    "user_id": USER,
    "plan_id": "pro-monthly",
    "status": "active",
    "quantity": 1,
    "current_period_start": _START,
    "current_period_end": _END,
    "trial_end": None,
    "cancel_at_period_end": False,
    "canceled_at": None,
    "ended_at": None,
    "pending_change": None,
    "pause": None,
    "discounts": [],
    "grace_until": None,
    "stripe_subscription_id": "sub_1SWpL2AbCdEfGhIj",
    "created_at": _START,
    "updated_at": _START,
}
SESSION: Json = {
    "session_id": "cs_test_a1B2c3D4",
    "url": "https://checkout.stripe.com/c/pay/cs_test_a1B2c3D4",
    "expires_at": "2026-11-23T20:59:00Z",
}
PREVIEW: Json = {
    "amount_due": {"amount": 3500, "currency": "usd"},
    "credit": {"amount": 1450, "currency": "usd"},
    "lines": [
        {
            "description": "Unused time on Pro",
            "amount": {"amount": -1450, "currency": "usd"},
            "proration": True,
            "period_start": "2026-12-07T20:59:00Z",
            "period_end": _END,
        },
        {
            "description": "Remaining time on Team",
            "amount": {"amount": 4950, "currency": "usd"},
            "proration": True,
            "period_start": "2026-12-07T20:59:00Z",
            "period_end": _END,
        },
    ],
    "effective_at": "2026-12-07T20:59:00Z",
    "next_invoice_at": _END,
    "proration_date": "2026-12-07T20:59:00Z",
}
PAYMENT_METHOD: Json = {
    "id": "pm_1SWpL2AbCdEfGhIj",
    "type": "card",
    "card": {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2034},
    "is_default": True,
    "created_at": _START,
}
SETUP: Json = {
    "setup_intent_id": "seti_1SWpL2AbCdEfGhIj",
    "client_secret": "seti_1SWpL2AbCdEfGhIj_secret_TSkX3yZ0aBcDeFgH",
    "publishable_key": "pk_test_51SWpL2AbCdEfGhIj",
}
PAYMENT: Json = {
    "id": OTHER_ID,
    "amount": PRICE,
    "amount_refunded": {"amount": 0, "currency": "usd"},
    "status": "succeeded",
    "description": "Kubernetes 101",
    "context": {"kind": "purchase", "purchase_id": ID, **COURSE},
    "invoice_id": None,
    "failure_code": None,
    "failure_message": None,
    "stripe_payment_intent_id": "pi_1SWpL2AbCdEfGhIj",
    "created_at": _START,
}
PURCHASE: Json = {
    "id": ID,
    "user_id": USER,
    **COURSE,
    "price": PRICE,
    "amount_refunded": {"amount": 0, "currency": "usd"},
    "status": "completed",
    "purchased_at": _START,
    "refunded_at": None,
    "stripe_payment_intent_id": "pi_1SWpL2AbCdEfGhIj",
    "created_at": _START,
}
DECISION: Json = {
    **COURSE,
    "allowed": True,
    "reason": "purchased",
    "source": {"kind": "purchase", "id": ID},
    "expires_at": None,
}
GRANT: Json = {**COURSE, "source": {"kind": "purchase", "id": ID}, "granted_at": _START, "expires_at": None}
INVOICE: Json = {
    "id": OTHER_ID,
    "number": "A1B2C3D4-0001",
    "status": "paid",
    "amount_due": {"amount": 2900, "currency": "usd"},
    "amount_paid": {"amount": 2900, "currency": "usd"},
    "period_start": _START,
    "period_end": _END,
    "subscription_id": ID,
    "hosted_invoice_url": "https://invoice.stripe.com/i/in_1SWpL2AbCdEfGhIj",
    "invoice_pdf_url": "https://pay.stripe.com/invoice/in_1SWpL2AbCdEfGhIj/pdf",
    "stripe_invoice_id": "in_1SWpL2AbCdEfGhIj",
    "created_at": _START,
}
EVENT: Json = {
    "id": OTHER_ID,
    "type": "access.granted",
    "occurred_at": _START,
    "user_id": USER,
    "version": 7,
    "data": {**COURSE, "source_kind": "purchase", "source_id": ID, "expires_at": None, "reason": "purchased"},
}
HEALTH: Json = {
    "status": "ok",
    "version": "0.1.0",
    "checks": {
        "database": {"status": "ok", "latency_ms": 0.8},
        "cache": {"status": "ok", "latency_ms": 0.3},
        "worker": {"status": "ok", "latency_ms": 0.0},
    },
}
UNHEALTHY: Json = {
    **HEALTH,
    "status": "unavailable",
    "checks": {**HEALTH["checks"], "database": {"status": "unavailable", "latency_ms": None}},
}
