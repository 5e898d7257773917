"""Commands about how a subscription goes on: pauses, the end of a trial, discounts, and what was not paid."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

__all__ = [
    "ApplyPromotion",
    "ChangeTrialEnd",
    "EndDiscounts",
    "GiveUpCollecting",
    "HoldCollection",
    "PauseSubscription",
    "PayInvoice",
    "ReleaseHold",
    "ResumeSubscription",
]


@frozen(kw_only=True)
class HoldCollection:
    """Charge nothing any more: a pause is to come, however late it begins, or a payment is disputed."""

    subscription_id: str
    #: Invoices that are there already, and are not collected by themselves any more.
    invoice_ids: tuple[str, ...] = ()


@frozen(kw_only=True)
class ReleaseHold:
    """Charge again."""

    subscription_id: str
    #: Invoices that are collected by themselves again.
    invoice_ids: tuple[str, ...] = ()


@frozen(kw_only=True)
class PauseSubscription:
    """Let a subscription rest from now on, without credit for unused time; the hold on collection goes with it."""

    subscription_id: str


@frozen(kw_only=True)
class ResumeSubscription:
    """Take a paused subscription up again: a new period, charged at once; it stays paused until that is paid."""

    subscription_id: str


@frozen(kw_only=True)
class ChangeTrialEnd:
    """Let a trial go on for longer, or end it now: then its first period is invoiced at once."""

    subscription_id: str
    #: None for now.
    trial_end: datetime | None = None


@frozen(kw_only=True)
class ApplyPromotion:
    """Redeem a promotion code on a subscription, from its next invoice on. It replaces the discounts that run."""

    subscription_id: str
    #: The provider's id of the code.
    promotion_id: str


@frozen(kw_only=True)
class EndDiscounts:
    """Take every discount off a subscription, from its next invoice on."""

    subscription_id: str


@frozen(kw_only=True)
class PayInvoice:
    """Try to be paid for an open invoice. What is paid already counts as done."""

    invoice_id: str
    subscription_id: str
    #: The method to try; None for whichever the provider would charge.
    payment_method_id: str | None = None


@frozen(kw_only=True)
class GiveUpCollecting:
    """Void an invoice that nobody paid, then end the subscription or let it go on with a plan that costs nothing.

    Refused, with nothing changed, where the invoice was paid meanwhile.
    """

    subscription_id: str
    invoice_id: str
    item_id: str = ""
    #: The price of the free plan; None ends the subscription.
    free_price_id: str | None = None
    #: A schedule with a pending change, to be released first.
    schedule_id: str | None = None
