"""Amounts of our own: an invoice with exactly these lines, paid before anything else changes."""

from __future__ import annotations

import stripe

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_core.domain.operations import ChangePlan
from billing_core.domain.own_proration import OwnLine
from billing_stripe.calls.labels import labels_for
from billing_stripe.permissions import Permission
from billing_stripe.steps import Steps

__all__ = ["invoice_own_lines"]

_PAID = frozenset({"paid"})


async def invoice_own_lines(steps: Steps, command: ChangePlan) -> None:
    """Make, finalize and pay the invoice of a change; each step under a key of its own.

    It takes no discount and nothing else that waits, so it comes to what was previewed. Where it cannot be
    paid it is voided, and the refusal goes on: the plan stays as it was.
    """
    invoices, currency = steps.api.client.v1.invoices, command.own_lines[0].amount.currency
    draft: stripe.params.InvoiceCreateParams = {
        "customer": command.customer_id,
        "subscription": command.subscription_id,
        "currency": currency,
        "auto_advance": False,
        "pending_invoice_items_behavior": "exclude",
        "discounts": "",
        "metadata": labels_for(steps.operation),
    }
    made = await steps.change(
        "invoice",
        lambda options: invoices.create_async(draft, options),
        ObjectKind.INVOICE,
        Permission.INVOICES_WRITE,
    )
    invoice_id = made.json.need_identity()
    for number, line in enumerate(command.own_lines):
        await _add(steps, command, invoice_id, number, line)
    final = await steps.change(
        "finalize",
        lambda options: invoices.finalize_invoice_async(invoice_id, {"auto_advance": False}, options),
        ObjectKind.INVOICE,
        Permission.INVOICES_WRITE,
    )
    if final.json.text("status") == "open":
        await _pay(steps, invoice_id)


async def _add(steps: Steps, command: ChangePlan, invoice_id: str, number: int, line: OwnLine) -> None:
    item: stripe.params.InvoiceItemCreateParams = {
        "customer": command.customer_id,
        "invoice": invoice_id,
        "subscription": command.subscription_id,
        "amount": line.amount.amount,
        "currency": line.amount.currency,
        "description": line.description,
        "period": {"start": int(line.start.timestamp()), "end": int(line.end.timestamp())},
        "discountable": False,
        "metadata": labels_for(steps.operation),
    }
    await steps.change_silently(
        f"line:{number}",
        lambda options: steps.api.client.v1.invoice_items.create_async(item, options),
        Permission.INVOICES_WRITE,
    )


async def _pay(steps: Steps, invoice_id: str) -> None:
    invoices, ref = steps.api.client.v1.invoices, ObjectRef(ObjectKind.INVOICE, invoice_id)
    try:
        await steps.change_unless(
            "pay",
            lambda options: invoices.pay_async(invoice_id, {"off_session": True}, options),
            ref,
            Permission.INVOICES_WRITE,
            statuses=_PAID,
        )
    except ProviderRefused:
        await steps.change(
            "void",
            lambda options: invoices.void_invoice_async(invoice_id, {}, options),
            ObjectKind.INVOICE,
            Permission.INVOICES_WRITE,
        )
        raise
