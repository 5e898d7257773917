"""Wallets: which payment method may be removed, and which one takes its place (domain rule 6)."""

from __future__ import annotations

from collections.abc import Iterable

from billing_core.domain.errors import PaymentMethodInUse
from billing_core.domain.facts import SubscriptionSeen
from billing_core.domain.known import Known
from billing_core.domain.operations import DetachPaymentMethod
from billing_core.domain.payment_methods import PaymentMethod
from billing_core.domain.subscriptions import TERMINAL, Subscription

__all__ = ["decide_removal", "going_on"]


def going_on(known: Known) -> tuple[str, ...]:
    """The subscriptions that have not ended, by the provider's ids: those that are to be charged with a new default."""
    return tuple(seen.id for seen in known.all(SubscriptionSeen) if seen.status not in TERMINAL)


def decide_removal(
    method: PaymentMethod, methods: Iterable[PaymentMethod], subscriptions: Iterable[Subscription], known: Known
) -> DetachPaymentMethod:
    """How ``method``, one of the attached ``methods``, is removed.

    What it was the default of passes to the newest other one. Raises `PaymentMethodInUse` where there is no
    other one and a subscription that is not ending needs one (polar#8225).
    """
    others = [one for one in methods if one.id != method.id]
    successor = max(others, key=lambda one: (one.created_at, one.id), default=None)
    if successor is None and any(not one.has_ended and not one.is_canceling for one in subscriptions):
        raise PaymentMethodInUse
    customer = known.customer()
    names_it = tuple(
        seen.id
        for seen in known.all(SubscriptionSeen)
        if seen.default_payment_method_id == method.id and seen.status not in TERMINAL
    )
    is_customers = customer is not None and customer.default_payment_method_id == method.id
    follows = successor is not None and (is_customers or bool(names_it))
    return DetachPaymentMethod(
        customer_id=customer.id if customer else "",
        payment_method_id=method.id,
        successor_id=successor.id if successor and follows else None,
        passes_default=is_customers and follows,
        subscription_ids=names_it if follows else (),
    )
