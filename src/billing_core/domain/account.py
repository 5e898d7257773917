"""A user's account: everything that their facts, and what is ours, add up to.

`derive` is the one place where state comes from. It is a pure function of the set of facts, of the orders
and grants by hand that are ours, and of the catalog; no handler changes a row (ADR 0002).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from attrs import evolve, field, frozen

from billing_core.domain.access import Ending, Grant, ManualGrant, manual_grant_rows
from billing_core.domain.entitlements import SubscriptionMoney, purchase_grants, subscription_grants
from billing_core.domain.facts import InvoiceSeen, PaymentSeen, RefundSeen, SubscriptionSeen
from billing_core.domain.ids import derived_id
from billing_core.domain.invoices import Invoice, coverage_of, invoice_row
from billing_core.domain.known import Known
from billing_core.domain.money import Money
from billing_core.domain.pauses import Pause, with_pause
from billing_core.domain.payment_methods import PaymentMethod, can_be_charged, payment_method_rows
from billing_core.domain.payments import Payment, PaymentContext, payment_row, settlement_of
from billing_core.domain.plans import Catalog
from billing_core.domain.purchases import Order, Purchase, foreign_orders, one_holder_each, purchase_row
from billing_core.domain.refunds import Refund
from billing_core.domain.steps import StepTaken
from billing_core.domain.subscriptions import Subscription, counting, subscription_row

__all__ = ["Account", "Book", "derive", "in_order", "open_alike", "with_rows_of"]

R = TypeVar("R", Subscription, Purchase, Payment, Refund, Invoice, PaymentMethod)
T = TypeVar("T")


@frozen(kw_only=True)
class Book:
    """All that is known of one user: what an account is derived from."""

    user_id: str
    #: What the provider told us of the user's customer.
    known: Known = field(factory=Known, eq=False)
    #: What the user set out to buy.
    orders: tuple[Order, ...] = ()
    manual_grants: tuple[ManualGrant, ...] = ()
    #: What our own schedule did about the user's subscriptions.
    steps: tuple[StepTaken, ...] = ()
    #: When the user wants their subscriptions to rest.
    pauses: tuple[Pause, ...] = ()
    catalog: Catalog = field(factory=Catalog)


@frozen(kw_only=True)
class Account:
    """What a book adds up to."""

    user_id: str
    subscriptions: tuple[Subscription, ...] = ()
    purchases: tuple[Purchase, ...] = ()
    payments: tuple[Payment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    payment_methods: tuple[PaymentMethod, ...] = ()
    grants: tuple[Grant, ...] = ()
    #: Which of the grants ended by the clock and need not be told to have. Kept beside them, not derived from facts.
    endings: frozenset[Ending] = frozenset()
    #: Prices that no plan maps to: what told of them is parked until one does.
    unknown_prices: frozenset[str] = frozenset()

    def tells_open(self, grant: Grant) -> bool:
        """Whether whoever listens believes that ``grant`` opens something: not blocked, no end of it was told."""
        return grant.blocked is None and not any(
            one.source == grant.source and one.resource == grant.resource for one in self.endings
        )


def in_order(account: Account) -> Account:
    """The account with its rows in one order, so that two can be compared."""

    def by_id(rows: Iterable[R]) -> tuple[R, ...]:
        return tuple(sorted(rows, key=lambda row: row.id))

    return evolve(
        account,
        subscriptions=by_id(account.subscriptions),
        purchases=by_id(account.purchases),
        payments=by_id(account.payments),
        refunds=by_id(account.refunds),
        invoices=by_id(account.invoices),
        payment_methods=by_id(account.payment_methods),
        grants=tuple(sorted(account.grants, key=lambda grant: grant.place)),
    )


def with_rows_of(before: Account, after: Account) -> Account:
    """``after`` with the very rows of ``before`` where they are equal; ``before`` itself where nothing differs.

    So rows are compared once, and who looks for what differs passes over those that are the same.
    """

    def by_id(old: tuple[R, ...], new: tuple[R, ...]) -> tuple[R, ...]:
        return _kept(old, new, lambda row: row.id)

    found = Account(
        user_id=after.user_id,
        subscriptions=by_id(before.subscriptions, after.subscriptions),
        purchases=by_id(before.purchases, after.purchases),
        payments=by_id(before.payments, after.payments),
        refunds=by_id(before.refunds, after.refunds),
        invoices=by_id(before.invoices, after.invoices),
        payment_methods=by_id(before.payment_methods, after.payment_methods),
        grants=_kept(before.grants, after.grants, lambda grant: grant.place),
        endings=after.endings,
        unknown_prices=after.unknown_prices,
    )
    return before if found == before else found


def open_alike(one: Account, other: Account) -> bool:
    """Whether both open the same, and the same subscription counts: `UserAccess` differs in its version at most."""
    return one.grants == other.grants and counting(one.subscriptions) == counting(other.subscriptions)


def _kept(before: tuple[T, ...], after: tuple[T, ...], key: Callable[[T], Hashable]) -> tuple[T, ...]:
    if before == after:
        return before
    old = {key(row): row for row in before}
    rows = tuple(old[key(row)] if old.get(key(row)) == row else row for row in after)
    same = len(rows) == len(before) and all(old.get(key(row)) is row for row in rows)
    return before if same else rows


def derive(book: Book) -> Account:
    """The account that ``book`` adds up to. The same for any order in which its facts came."""
    known, user_id = book.known, book.user_id
    subscriptions: list[Subscription] = []
    grants: list[Grant] = []
    unknown: set[str] = set()
    subscription_ids = {seen.id: derived_id(seen.created, seen.id) for seen in known.all(SubscriptionSeen)}
    for seen in known.all(SubscriptionSeen):
        money = _money_of(seen, known)
        found = subscription_row(user_id, seen, known, book.catalog, money.coverage, book.steps)
        prices = {item.price_id for item in seen.items}
        if found is None or found[1].stripe_price_id not in prices:
            unknown |= prices
        if found is None:
            continue
        subscription, plan = with_pause(found[0], book.pauses), found[1]
        subscriptions.append(subscription)
        grants.extend(subscription_grants(subscription, plan, money))
    orders = (*book.orders, *foreign_orders(user_id, known, book.catalog, book.orders))
    purchases = one_holder_each(purchase_row(order, known) for order in orders)
    for purchase in purchases:
        grants.extend(purchase_grants(purchase))
    grants.extend(manual_grant_rows(book.manual_grants))
    contexts = _Contexts(book, tuple(subscriptions), purchases)
    return Account(
        user_id=user_id,
        subscriptions=tuple(subscriptions),
        purchases=purchases,
        payments=_payments(user_id, known, contexts),
        refunds=_refunds(user_id, known, contexts),
        invoices=tuple(
            invoice_row(user_id, invoice, subscription_ids.get(invoice.subscription_id or ""))
            for invoice in known.all(InvoiceSeen)
        ),
        payment_methods=payment_method_rows(user_id, known),
        grants=tuple(grants),
        unknown_prices=frozenset(unknown),
    )


def _money_of(seen: SubscriptionSeen, known: Known) -> SubscriptionMoney:
    coverage = coverage_of(known.invoices_of(seen.id))
    paid = [payment for invoice in coverage.invoices for payment in known.payments_of(invoice)] if coverage else []
    return SubscriptionMoney(
        coverage=coverage,
        settlements=tuple(settlement_of(payment, known) for payment in paid),
        has_payment_method=can_be_charged(known, seen.default_payment_method_id),
        status_since=known.status_since(seen),
    )


class _Contexts:
    """What each payment was for."""

    def __init__(self, book: Book, subscriptions: tuple[Subscription, ...], purchases: tuple[Purchase, ...]) -> None:
        self._known, self._catalog = book.known, book.catalog
        self._subscriptions = {one.stripe_subscription_id: one for one in subscriptions}
        self._purchases = {one.stripe_payment_intent_id: one for one in purchases if one.stripe_payment_intent_id}

    def of(self, payment: PaymentSeen) -> tuple[PaymentContext | None, str | None]:
        """The context of a payment, and a description of it; None while the link is not known."""
        purchase = self._purchases.get(payment.id)
        if purchase is not None:
            context = PaymentContext(
                purchase_id=purchase.id,
                resource_type=purchase.resource.type,
                resource_id=purchase.resource.id,
            )
            return context, purchase.name
        invoice = self._known.invoice_of(payment)
        subscription = self._subscriptions.get(invoice.subscription_id or "") if invoice else None
        if invoice is None or subscription is None:
            return None, None
        # No name of the plan here: it follows the provider and changes without a fact about this payment.
        plan_id = self._plan_charged(invoice) or subscription.plan_id
        return PaymentContext(subscription_id=subscription.id, plan_id=plan_id), None

    def _plan_charged(self, invoice: InvoiceSeen) -> str | None:
        """The plan that the invoice takes money for, which need not be the present one: of its last line that does."""
        charged = [
            (one.period_end, one.amount, one.price_id) for one in invoice.lines if one.price_id and one.amount > 0
        ]
        plan = self._catalog.plan_for(max(charged)[2], invoice.created) if charged else None
        return plan.id if plan else None


def _payments(user_id: str, known: Known, contexts: _Contexts) -> tuple[Payment, ...]:
    rows = (payment_row(user_id, payment, known, *contexts.of(payment)) for payment in known.all(PaymentSeen))
    return tuple(row for row in rows if row is not None)


def _refunds(user_id: str, known: Known, contexts: _Contexts) -> tuple[Refund, ...]:
    rows = []
    for refund in known.all(RefundSeen):
        payment = known.seen(PaymentSeen, known.payment_id_of(refund.payment_id, refund.charge_id))
        if payment is None or refund not in known.refunds_of(payment):
            continue
        context, _ = contexts.of(payment)
        rows.append(
            Refund(
                id=derived_id(refund.created, refund.id),
                user_id=user_id,
                payment_id=derived_id(payment.created, payment.id),
                purchase_id=context.purchase_id if context else None,
                subscription_id=context.subscription_id if context else None,
                amount=Money(refund.amount, refund.currency),
                status=refund.status,
                reason=refund.reason,
                failure_reason=refund.failure_reason,
                stripe_refund_id=refund.id,
                operation_id=refund.labels.operation_id,
                created_at=refund.created,
            )
        )
    return tuple(rows)
