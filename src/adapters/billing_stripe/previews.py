"""What a change of plan would charge, as Stripe's own preview of the invoice says: never computed here.

Stripe previews the next invoice that the changed subscription will get. Where the change is invoiced at
once that is the invoice of the change; else it is the next renewal, with the prorations that wait for it,
and nothing is due now. Lines of a renewal begin where what is prorated ends; those of a cycle that begins with the
change begin now, which may be a while after the moment of proration that was previewed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import stripe
from attrs import frozen

from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import InvoiceLineSeen
from billing_core.domain.money import Money
from billing_core.domain.operations import ChangePlan
from billing_core.ports.provider import Preview, PreviewLine
from billing_stripe.api import Reply, StripeApi
from billing_stripe.facts.invoices import read_line
from billing_stripe.facts.subscriptions import read_subscription
from billing_stripe.permissions import Permission

__all__ = ["NOTHING_UPCOMING", "preview_of"]

#: The code of a subscription that will get no invoice any more, such as one that ends with its period.
NOTHING_UPCOMING = "invoice_upcoming_none"
#: Stripe tells times in whole seconds.
_SECOND = timedelta(seconds=1)


async def preview_of(api: StripeApi, command: ChangePlan) -> Preview:
    """What ``command`` would charge. Raises `ProviderRefused`, `ProviderUnavailable` and `Unreadable`."""
    item: stripe.params.InvoiceCreatePreviewParamsSubscriptionDetailsItem = {
        "id": command.item_id,
        "quantity": command.quantity,
    }
    if command.price_id != command.current_price_id:
        item["price"] = command.price_id
    details: stripe.params.InvoiceCreatePreviewParamsSubscriptionDetails = {
        "items": [item],
        "proration_behavior": "none" if command.at_period_end else command.proration,
    }
    if command.proration_date and not command.at_period_end:
        details["proration_date"] = int(command.proration_date.timestamp())
    if command.end_trial:
        details["trial_end"] = "now"
    if command.clear_cancel:
        details["cancel_at_period_end"] = False
    params: stripe.params.InvoiceCreatePreviewParams = {
        "subscription": command.subscription_id,
        "subscription_details": details,
    }
    try:
        reply = await api.ask(
            lambda options: api.client.v1.invoices.create_preview_async(params, options), needs=Permission.INVOICES_READ
        )
    except ProviderRefused as refusal:
        if refusal.code != NOTHING_UPCOMING:
            raise
        return await _nothing_to_charge(api, command, ends=True)
    invoice = _read(reply, command)
    if command.at_period_end and invoice.restarts:
        # Stripe previews a change of interval as if it happened now.
        return await _nothing_to_charge(api, command)
    return _preview(invoice, reply)


@frozen(kw_only=True)
class _Invoice:
    """A previewed invoice, split by what is due now."""

    currency: str
    lines: tuple[InvoiceLineSeen, ...]
    prorated_at: datetime
    #: Lines that begin before this are not those of a renewal.
    renews_from: datetime
    #: Whether the change is invoiced at once because that was asked for; a new billing cycle is in any case.
    asked_at_once: bool

    @property
    def restarts(self) -> bool:
        """Whether a new billing cycle begins with the change."""
        return any(not line.proration and line.period_start < self.renews_from for line in self.lines)

    @property
    def due_now(self) -> tuple[InvoiceLineSeen, ...]:
        """The lines that the invoice of the change has: not those of a later renewal, nor what waits for it."""
        if not (self.asked_at_once or self.restarts):
            return ()
        return tuple(line for line in self.lines if line.proration or line.period_start < self.renews_from)

    @property
    def credit(self) -> Money:
        """What is given back for time that was paid but not used."""
        return Money(-sum(line.amount for line in self.lines if line.proration and line.amount < 0), self.currency)

    @property
    def next_invoice_at(self) -> datetime | None:
        """When the invoice after that comes: at the renewal that is previewed, or where the lines due now end."""
        renewals = [line.period_start for line in self.lines if line not in self.due_now and not line.proration]
        return min(renewals, default=max((line.period_end for line in self.due_now), default=None))


def _read(reply: Reply, command: ChangePlan) -> _Invoice:
    body = reply.json
    lines = tuple(read_line(row) for row in body.rows("lines"))
    details = body.hash("parent").hash("subscription_details")
    prorated_at = command.proration_date or details.time("subscription_proration_date") or reply.at
    prorated_until = [line.period_end for line in lines if line.proration]
    return _Invoice(
        currency=body.currency(),
        lines=lines,
        prorated_at=prorated_at,
        renews_from=max(prorated_until, default=max(prorated_at, reply.at) + _SECOND),
        asked_at_once=command.proration == "always_invoice",
    )


def _preview(invoice: _Invoice, reply: Reply) -> Preview:
    return Preview(
        amount_due=_amount_due(invoice, reply.json.need_whole("amount_due")),
        credit=invoice.credit,
        lines=tuple(_line(line, invoice.currency) for line in (invoice.due_now or invoice.lines)),
        next_invoice_at=invoice.next_invoice_at,
        proration_date=invoice.prorated_at,
    )


def _amount_due(invoice: _Invoice, told: int) -> Money:
    """As Stripe says it, tax and balance included, where the invoice is that of the change alone."""
    if invoice.due_now == invoice.lines:
        return Money(told, invoice.currency).collectable
    return Money(sum(line.amount - line.discount for line in invoice.due_now), invoice.currency).collectable


def _line(line: InvoiceLineSeen, currency: str) -> PreviewLine:
    return PreviewLine(
        description=line.description or "",
        amount=Money(line.amount - line.discount, currency),
        proration=line.proration,
        period_start=line.period_start,
        period_end=line.period_end,
    )


async def _nothing_to_charge(api: StripeApi, command: ChangePlan, *, ends: bool = False) -> Preview:
    """The preview of a change that charges nothing now; after one that ``ends``, no invoice comes at all."""
    reply = await api.ask(
        lambda options: api.client.v1.subscriptions.retrieve_async(command.subscription_id, {}, options),
        needs=Permission.SUBSCRIPTIONS_READ,
    )
    nothing = Money.zero(reply.json.currency())
    return Preview(
        amount_due=nothing,
        credit=nothing,
        lines=(),
        next_invoice_at=None if ends else _period_end(reply),
        proration_date=command.proration_date or reply.at,
    )


def _period_end(subscription: Reply) -> datetime | None:
    seen = read_subscription(subscription.json)
    return max((item.period_end for item in seen.items if item.period_end), default=None)
