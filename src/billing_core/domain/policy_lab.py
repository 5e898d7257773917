"""The policy lab: what would have been otherwise, had other policies been in force all along.

The stored history is replayed twice, under the policies that people agreed to and under those that are tried. What
people and the provider did is taken as it was: nobody can say who would have paid had they been asked once more. So
the lab tells what follows from the rules alone, and is silent about the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from attrs import evolve, field, frozen

from billing_core.domain.account import Book, derive
from billing_core.domain.analytics.entries import EntryKind
from billing_core.domain.analytics.histories import History
from billing_core.domain.analytics.recovery import recovery_of
from billing_core.domain.change_rules import OwnAmounts
from billing_core.domain.contests import disputed_since
from billing_core.domain.facts import Fact, InvoiceSeen, ObjectRef, RefundSeen, SubscriptionSeen
from billing_core.domain.folding import Passed, course
from billing_core.domain.ids import derived_id
from billing_core.domain.known import Known
from billing_core.domain.lab_proration import prorated_changes
from billing_core.domain.money import Money
from billing_core.domain.periods import Period
from billing_core.domain.plans import Catalog, Plan
from billing_core.domain.policies import AccessPolicy, DunningPolicy, LastStep, OnDispute, RefundPolicy
from billing_core.domain.refunds import refund_window
from billing_core.domain.resources import Resource

__all__ = ["AccessChange", "Difference", "MoneyChange", "Trial", "differences_of", "under"]

_FOR_EVER = datetime.max.replace(tzinfo=UTC)


@frozen(kw_only=True)
class Trial:
    """The policies that are tried; None for what stays as it was agreed."""

    access: AccessPolicy | None = None
    refund: RefundPolicy | None = None
    #: Also what a dispute does to a subscription (`DunningPolicy.on_dispute`).
    dunning: DunningPolicy | None = None
    #: The amounts of our own by which every change within a period is charged.
    proration: OwnAmounts | None = None
    #: Days of trial of every plan that has one.
    trial_days: int | None = None


@frozen(kw_only=True)
class AccessChange:
    """A stretch of time in which somebody would have had access and had not, or the other way round."""

    user_id: str
    resource: Resource
    #: ``gained`` or ``lost``.
    change: str
    #: Half-open, UTC; ``until`` is None where it never ends.
    since: datetime
    until: datetime | None


@frozen(kw_only=True)
class MoneyChange:
    """Money that would have gone another way."""

    user_id: str
    #: ``refund refused``, ``refund granted``, ``renewal lost``, ``trial longer``, ``trial shorter``, ``change dearer``
    #: or ``change cheaper``.
    change: str
    #: What it is about at the provider.
    subject_id: str
    at: datetime
    #: What it would have brought us; negative for what it would have cost.
    amount: Money


@frozen(kw_only=True)
class Difference:
    """Everything that would have been otherwise for one user."""

    access: tuple[AccessChange, ...] = ()
    money: tuple[MoneyChange, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.access or self.money)


def under(book: Book, trial: Trial) -> Book:
    """The same book, had these policies been agreed to."""
    return evolve(
        book,
        catalog=evolve(book.catalog, plans=tuple(_plan_under(plan, trial) for plan in book.catalog.plans)),
        orders=tuple(evolve(order, refund=trial.refund or order.refund) for order in book.orders),
    )


def _plan_under(plan: Plan, trial: Trial) -> Plan:
    return evolve(
        plan,
        access=trial.access or plan.access,
        dunning=trial.dunning or plan.dunning,
        trial_days=plan.trial_days if trial.trial_days is None or not plan.trial_days else trial.trial_days,
    )


def differences_of(book: Book, facts: Sequence[Fact], trial: Trial, now: datetime) -> Difference:
    """What would have been otherwise for the user of ``book`` up to ``now`` (UTC); nothing under unchanged policies."""
    tried = under(book, trial)
    if tried == book and trial.proration is None:
        return Difference()
    courses, ends = _courses(facts), _ends(book, tried.catalog)
    return Difference(
        access=tuple(_access_changes(book.user_id, _opened(book, courses, now), _opened(tried, courses, now, ends))),
        money=(
            *_refund_changes(book, tried),
            *_recovery_changes(book, facts, tried.catalog),
            *_dispute_changes(book, ends),
            *_trial_changes(book, tried.catalog),
            *_proration_changes(book, facts, trial.proration),
        ),
    )


# ---------------------------------------------------------------------------------------------------------- access
Courses = Mapping[ObjectRef, Sequence[Passed]]
Spans = dict[Resource, list[Period]]


def _courses(facts: Iterable[Fact]) -> Courses:
    by_object: dict[ObjectRef, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_object[fact.ref].append(fact)
    return {ref: tuple(course(told)) for ref, told in by_object.items()}


#: When (UTC) a subscription would have ended, by the provider's id.
Ends = Mapping[str, datetime]


def _opened(book: Book, courses: Courses, now: datetime, ends: Ends | None = None) -> Spans:
    """When each resource was open, up to ``now``: the grants at every moment, until the next one."""
    ended = {derived_id(seen.created, seen.id): ends[seen.id] for seen in _subscriptions(book, ends)} if ends else {}
    moments = {passed.state.last_at for stages in courses.values() for passed in stages}
    moments |= {order.created_at for order in book.orders}
    moments |= {at for grant in book.manual_grants for at in (grant.granted_at, grant.revoked_at) if at}
    ordered = sorted(moment for moment in moments if moment < now)
    spans: Spans = defaultdict(list)
    for moment, following in zip(ordered, [*ordered[1:], now], strict=True):
        for grant in derive(_at(book, courses, moment)).grants:
            last = ended.get(grant.source.id, _FOR_EVER)
            start, end = max(moment, grant.granted_at), min(following, grant.expires_at or _FOR_EVER, last)
            if grant.blocked is None and start < end:
                spans[grant.resource].append(Period(start, end))
    return {resource: _joined(of_one) for resource, of_one in spans.items()}


def _at(book: Book, courses: Courses, moment: datetime) -> Book:
    states = []
    for stages in courses.values():
        passed = [one for one in stages if one.state.last_at <= moment]
        if passed:
            states.append(passed[-1].state)
    return evolve(
        book,
        known=Known(states),
        orders=tuple(order for order in book.orders if order.created_at <= moment),
        manual_grants=tuple(
            evolve(grant, revoked_at=grant.revoked_at if grant.revoked_at and grant.revoked_at <= moment else None)
            for grant in book.manual_grants
            if grant.granted_at <= moment
        ),
    )


def _joined(spans: Iterable[Period]) -> list[Period]:
    joined: list[Period] = []
    for span in sorted(spans, key=lambda one: one.start):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Period(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def _without(spans: Sequence[Period], others: Sequence[Period]) -> list[Period]:
    """What of ``spans`` lies in none of ``others``; both are joined and in order."""
    left: list[Period] = []
    for span in spans:
        start = span.start
        for other in others:
            if other.end <= start or other.start >= span.end:
                continue
            if other.start > start:
                left.append(Period(start, other.start))
            start = max(start, other.end)
        if start < span.end:
            left.append(Period(start, span.end))
    return left


def _access_changes(user_id: str, before: Spans, after: Spans) -> Iterable[AccessChange]:
    for resource in sorted(before.keys() | after.keys()):
        old, new = before.get(resource, []), after.get(resource, [])
        for change, spans in (("lost", _without(old, new)), ("gained", _without(new, old))):
            for span in spans:
                yield AccessChange(user_id=user_id, resource=resource, change=change, since=span.start, until=span.end)


# ----------------------------------------------------------------------------------------------------------- money
def _refund_changes(book: Book, tried: Book) -> Iterable[MoneyChange]:
    """Refunds of purchases that the window would have refused, or that it refused and would have granted."""
    policies = {order.id: order.refund for order in tried.orders}
    for purchase in derive(book).purchases:
        if purchase.purchased_at is None or purchase.id not in policies:
            continue
        old = refund_window(purchase.purchased_at, purchase.refund)
        new = refund_window(purchase.purchased_at, policies[purchase.id])
        for refund in book.known.all(RefundSeen):
            if book.known.payment_id_of(refund.payment_id, refund.charge_id) != purchase.stripe_payment_intent_id:
                continue
            was, would = (window is not None and refund.created < window.end for window in (old, new))
            if was != would:
                amount = Money(refund.amount, refund.currency)
                yield MoneyChange(
                    user_id=book.user_id,
                    change="refund granted" if would else "refund refused",
                    subject_id=refund.id,
                    at=refund.created,
                    amount=-amount if would else amount,
                )


def _recovery_changes(book: Book, facts: Iterable[Fact], tried: Catalog) -> Iterable[MoneyChange]:
    """Renewals that came in after all, on a day on which it would have been over already."""
    history = History(facts, (), book.catalog)
    for invoice in book.known.all(InvoiceSeen):
        entries = {entry.kind: entry for entry in recovery_of(invoice, history)}
        recovered = entries.get(EntryKind.RENEWAL_RECOVERED)
        if recovered is None:
            continue
        price, agreed_at = recovered.price_id, invoice.created
        old, new = book.catalog.plan_for(price, agreed_at), tried.plan_for(price, agreed_at)
        if old is None or new is None:
            continue
        waited = recovered.at - recovered.since
        if _is_over(new.dunning, waited) and not _is_over(old.dunning, waited):
            yield MoneyChange(
                user_id=book.user_id,
                change="renewal lost",
                subject_id=invoice.id,
                at=recovered.at,
                amount=Money(-recovered.amount, recovered.currency),
            )


def _ends(book: Book, tried: Catalog) -> Ends:
    """The subscriptions that a dispute would have ended under the policy tried, and did not under theirs."""
    found: dict[str, datetime] = {}
    for seen in book.known.all(SubscriptionSeen):
        price = seen.items[0].price_id if seen.items else None
        old, new = book.catalog.plan_for(price, seen.created), tried.plan_for(price, seen.created)
        since = disputed_since(seen.id, book.known)
        if old is None or new is None or since is None or old.dunning.on_dispute is OnDispute.CANCEL:
            continue
        if new.dunning.on_dispute is OnDispute.CANCEL:
            found[seen.id] = since
    return found


def _subscriptions(book: Book, ends: Ends) -> Iterable[SubscriptionSeen]:
    return (seen for seen in book.known.all(SubscriptionSeen) if seen.id in ends)


def _dispute_changes(book: Book, ends: Ends) -> Iterable[MoneyChange]:
    """Renewals of subscriptions that a dispute would have ended."""
    for subscription_id, end in ends.items():
        for invoice in book.known.invoices_of(subscription_id):
            if invoice.status == "paid" and invoice.amount_paid and invoice.created > end:
                yield MoneyChange(
                    user_id=book.user_id,
                    change="renewal lost",
                    subject_id=invoice.id,
                    at=invoice.paid_at or invoice.created,
                    amount=Money(-invoice.amount_paid, invoice.currency),
                )


def _proration_changes(book: Book, facts: Iterable[Fact], own: OwnAmounts | None) -> Iterable[MoneyChange]:
    """Changes of plan that would have been charged otherwise."""
    for made in prorated_changes(History(facts, (), book.catalog), own) if own else ():
        if made.would_be != made.charged:
            yield MoneyChange(
                user_id=book.user_id,
                change="change cheaper" if made.would_be < made.charged else "change dearer",
                subject_id=made.subscription_id,
                at=made.at,
                amount=made.would_be - made.charged,
            )


def _is_over(policy: DunningPolicy, waited: timedelta) -> bool:
    """Whether the last step had been taken after so long."""
    return policy.last_step is not LastStep.LEAVE and waited > timedelta(days=policy.ends_on_day)


def _trial_changes(book: Book, tried: Catalog) -> Iterable[MoneyChange]:
    """Trials that became customers: what so many days more or fewer are worth at their price."""
    for seen in book.known.all(SubscriptionSeen):
        if seen.trial_start is None or not seen.items:
            continue
        price = seen.items[0].price_id
        old, new = book.catalog.plan_for(price, seen.created), tried.plan_for(price, seen.created)
        paid = [one for one in book.known.invoices_of(seen.id) if one.status == "paid" and one.amount_paid > 0]
        if old is None or new is None or not paid or new.trial_days == old.trial_days:
            continue
        days = new.trial_days - old.trial_days
        first = min(paid, key=lambda one: (one.created, one.id))
        length = max((line.period_end - line.period_start for line in first.lines), default=timedelta())
        if length:
            amount = Money(first.amount_paid, first.currency).fraction(-days, max(length.days, 1))
            yield MoneyChange(
                user_id=book.user_id,
                change="trial longer" if days > 0 else "trial shorter",
                subject_id=seen.id,
                at=seen.trial_start,
                amount=amount,
            )
