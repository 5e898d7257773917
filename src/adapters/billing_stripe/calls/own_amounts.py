"""Amounts of our own: an invoice with exactly these lines, paid before anything else changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import stripe
from attrs import evolve

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_core.domain.operations import ChangePlan
from billing_core.domain.own_proration import OwnLine
from billing_stripe.calls.labels import labels_for
from billing_stripe.facts import Json
from billing_stripe.permissions import Permission
from billing_stripe.steps import Steps

__all__ = ["give_back_own_lines", "invoice_own_lines"]

_PAID = frozenset({"paid"})
#: What the metadata of an invoice says that takes another one of the same operation back.
_REVERSES = "reverses"
#: How far our clock may be ahead of Stripe's when an operation is written down.
_CLOCK_SKEW = timedelta(hours=1)


async def invoice_own_lines(steps: Steps, command: ChangePlan) -> None:
    """Make, finalize and pay the invoice of a change; each step under a key of its own.

    It takes no discount and nothing else that waits, so it comes to what was previewed. Where it cannot be
    paid it is voided, and the refusal goes on: the plan stays as it was. One that this operation paid before, under
    whatever key, is not made again; raises `ProviderRefused` where that one was given back.
    """
    made = await _made_before(steps, command)
    if any(one.hash("metadata").has(_REVERSES) for one in made):
        raise ProviderRefused("The change was refused before, and what was paid for it was given back.")
    if not any(one.text("status") == "paid" for one in made):
        await _bill(steps, command, command.own_lines)


async def give_back_own_lines(steps: Steps, command: ChangePlan) -> None:
    """Take the invoice of a change back that was refused after it was paid: the same lines the other way round.

    Both come to nothing together. The money is the customer's credit for what is invoiced next: a refund would end
    the time that the old plan is paid for.
    """
    made = await _made_before(steps, command)
    paid = next(one for one in made if one.text("status") == "paid")
    lines = [
        evolve(line, amount=-line.amount, description=f"Taken back: {line.description}") for line in command.own_lines
    ]
    await _bill(steps, command, lines, reverses=paid.need_identity())


async def _made_before(steps: Steps, command: ChangePlan) -> list[Json]:
    """The invoices of this operation, newest first: listed, as a key may be forgotten by then."""
    params = {
        "subscription": command.subscription_id,
        "created": {"gte": int((steps.operation.created_at - _CLOCK_SKEW).timestamp())},
    }
    rows = steps.api.rows(steps.api.client.v1.invoices.list_async, params, needs=Permission.INVOICES_READ)
    found = [row.json async for row in rows]
    return [one for one in found if one.hash("metadata").label("operation_id") == steps.operation.id]


async def _bill(steps: Steps, command: ChangePlan, lines: Sequence[OwnLine], *, reverses: str | None = None) -> None:
    """An invoice with these lines, paid. Of one that ``reverses`` another every step has another name."""
    invoices, before = steps.api.client.v1.invoices, "back:" if reverses else ""
    draft: stripe.params.InvoiceCreateParams = {
        "customer": command.customer_id,
        "subscription": command.subscription_id,
        "currency": lines[0].amount.currency,
        "auto_advance": False,
        "pending_invoice_items_behavior": "exclude",
        "discounts": "",
        "metadata": labels_for(steps.operation, **{_REVERSES: reverses}),
    }
    made = await steps.change(
        f"{before}invoice",
        lambda options: invoices.create_async(draft, options),
        ObjectKind.INVOICE,
        Permission.INVOICES_WRITE,
    )
    invoice_id = made.json.need_identity()
    for number, line in enumerate(lines):
        await _add(steps, command, invoice_id, f"{before}line:{number}", line)
    final = await steps.change(
        f"{before}finalize",
        lambda options: invoices.finalize_invoice_async(invoice_id, {"auto_advance": False}, options),
        ObjectKind.INVOICE,
        Permission.INVOICES_WRITE,
    )
    if final.json.text("status") == "open":
        await _pay(steps, invoice_id, before)


async def _add(steps: Steps, command: ChangePlan, invoice_id: str, step: str, line: OwnLine) -> None:
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
        step,
        lambda options: steps.api.client.v1.invoice_items.create_async(item, options),
        Permission.INVOICES_WRITE,
    )


async def _pay(steps: Steps, invoice_id: str, before: str) -> None:
    invoices, ref = steps.api.client.v1.invoices, ObjectRef(ObjectKind.INVOICE, invoice_id)
    try:
        await steps.change_unless(
            f"{before}pay",
            lambda options: invoices.pay_async(invoice_id, {"off_session": True}, options),
            ref,
            Permission.INVOICES_WRITE,
            statuses=_PAID,
        )
    except ProviderRefused:
        await steps.change(
            f"{before}void",
            lambda options: invoices.void_invoice_async(invoice_id, {}, options),
            ObjectKind.INVOICE,
            Permission.INVOICES_WRITE,
        )
        raise
