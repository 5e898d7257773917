"""Payment methods: which are attached, and which one is charged."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from billing_core.domain.facts import PaymentMethodSeen, SubscriptionSeen
from billing_core.domain.known import Known
from billing_core.domain.subscriptions import TERMINAL

__all__ = ["PaymentMethod", "can_be_charged", "default_method_id", "payment_method_rows"]


@frozen(kw_only=True)
class PaymentMethod:
    """An attached payment method; ``id`` is the provider's own."""

    id: str
    user_id: str
    type: str
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    #: Equal for the same card, however often it was added.
    fingerprint: str | None
    is_default: bool
    created_at: datetime


def _attached(known: Known) -> list[PaymentMethodSeen]:
    customer = known.customer()
    if customer is not None and customer.deleted:
        return []
    return [method for method in known.all(PaymentMethodSeen) if method.customer_id is not None]


def default_method_id(known: Known) -> str | None:
    """The method that invoices are charged to, as long as it is attached.

    What a subscription that has not ended names wins over the customer's default (Stripe, "Automate payment
    retries").
    """
    customer = known.customer()
    going_on = [seen for seen in known.all(SubscriptionSeen) if seen.status not in TERMINAL]
    named = [seen.default_payment_method_id for seen in reversed(going_on)]
    wanted = [*named, customer.default_payment_method_id if customer else None]
    attached = {method.id for method in _attached(known)}
    return next((name for name in wanted if name in attached), None)


def can_be_charged(known: Known, named: str | None) -> bool:
    """Whether a payment method is on file with which a subscription that names ``named`` can go on.

    A method that is named, by the subscription or as the customer's default, counts unless it is known to be
    detached: the provider leaves the name of a detached one standing.
    """
    customer = known.customer()
    if customer is not None and customer.deleted:
        return False
    if _attached(known):
        return True
    names = {named, customer.default_payment_method_id if customer else None} - {None}
    return any(known.seen(PaymentMethodSeen, name) is None for name in names)


def payment_method_rows(user_id: str, known: Known) -> tuple[PaymentMethod, ...]:
    """The attached payment methods of a user, oldest first."""
    default = default_method_id(known)
    return tuple(
        PaymentMethod(
            id=method.id,
            user_id=user_id,
            type=method.type,
            brand=method.brand,
            last4=method.last4,
            exp_month=method.exp_month,
            exp_year=method.exp_year,
            fingerprint=method.fingerprint,
            is_default=method.id == default,
            created_at=method.created,
        )
        for method in _attached(known)
    )
