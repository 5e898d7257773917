"""Dunning: what is done about a renewal that could not be paid (domain rule 7).

The schedule is counted from the FIRST failure: neither a retry, nor a try by hand, nor a new payment method
moves it. A hard decline skips the retries that come, a new payment method is tried at once, and once. Where
the provider collects, its own schedule retries and ends; ours then only reminds and tries new methods. While a payment
for the subscription is disputed all of it rests; once the dispute is lost only what comes last is left.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from attrs import frozen

from billing_core.domain.contests import contest_of
from billing_core.domain.disputes import Standing
from billing_core.domain.facts import InvoiceSeen, PaymentMethodSeen, PaymentSeen, SubscriptionSeen
from billing_core.domain.known import Known
from billing_core.domain.money import Money
from billing_core.domain.overdue import first_failure, unpaid_invoice
from billing_core.domain.policies import Collector, DunningPolicy
from billing_core.domain.steps import NextStep, StepKind, StepTaken

__all__ = ["HARD_DECLINES", "Dunning", "StepDone", "dunning_of", "is_hard", "next_step", "retry_is_skipped", "schedule"]

#: A card that was declined for one of these is not tried again (Stripe, "Decline codes": the customer has to act).
HARD_DECLINES = frozenset(
    {
        "fraudulent",
        "incorrect_number",
        "invalid_account",
        "lost_card",
        "merchant_blacklist",
        "new_account_information_available",
        "no_longer_valid",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stolen_card",
        "stop_payment_order",
    }
)
#: The status of a subscription whose provider tried often enough: it owes what it owes, and a new card is tried.
_GIVEN_UP = "unpaid"
_NEVER_AGAIN = "do_not_try_again"
#: Of two steps that are due at one moment the first of these comes first.
_ORDER = (StepKind.LOOK, StepKind.METHOD, StepKind.RETRY, StepKind.REMINDER, StepKind.LAST)


@frozen(kw_only=True)
class StepDone:
    """A step of ours that was taken about an unpaid renewal."""

    name: str
    kind: StepKind
    taken_at: datetime
    #: Whether it was a retry that was left out.
    skipped: bool


@frozen(kw_only=True)
class Dunning:
    """One unpaid renewal, as its customer and whoever supports them see it."""

    stripe_invoice_id: str
    amount_due: Money
    #: Where the customer can pay.
    hosted_invoice_url: str | None
    first_failed_at: datetime
    #: Tries so far, by whomever.
    attempts: int
    #: When (UTC) we try again by the policy, ascending; what was done of it does not matter. None after a hard decline.
    retries_at: tuple[datetime, ...] = ()
    #: When (UTC) the provider tries next; None where we do, or where it gave up.
    provider_retry_at: datetime | None = None
    #: Why the last try failed, and whether that skips the retries to come.
    decline_code: str | None
    hard_decline: bool
    #: The steps of ours so far, oldest first.
    steps: tuple[StepDone, ...]
    #: When (UTC) what comes last is done by us, or was; None where the provider does it.
    ends_at: datetime | None

    def next_retry_at(self, now: datetime) -> datetime | None:
        """When (UTC) payment is tried next without anybody's doing, asked at ``now``; None where it is not."""
        return next((moment for moment in self.retries_at if moment > now), self.provider_retry_at)


def is_hard(payment: PaymentSeen | None) -> bool:
    """Whether trying the same card again is of no use."""
    if payment is None:
        return False
    codes = {payment.decline_code, payment.failure_code}
    return payment.advice_code == _NEVER_AGAIN or bool(codes & HARD_DECLINES)


def schedule(policy: DunningPolicy, invoice_id: str, first_failed_at: datetime) -> tuple[NextStep, ...]:
    """Every step that ``policy`` has for an unpaid invoice, in the order in which they are due."""

    def on(kind: StepKind, day: int, number: str) -> NextStep:
        due_at = first_failed_at + timedelta(days=day)
        return NextStep(kind=kind, subject=invoice_id, number=number, due_at=due_at)

    steps = [on(StepKind.REMINDER, day, str(day)) for day in policy.reminder_days]
    if policy.collector is Collector.OWN:
        steps += [on(StepKind.RETRY, day, str(day)) for day in policy.retry_days]
        steps.append(on(StepKind.LAST, policy.ends_on_day, ""))
    return tuple(sorted(steps, key=_place))


def _place(step: NextStep) -> tuple[datetime, int]:
    return step.due_at, _ORDER.index(step.kind)


@frozen
class _Case:
    """An unpaid renewal and what is known of it."""

    invoice: InvoiceSeen
    payment: PaymentSeen | None
    policy: DunningPolicy
    first_failed_at: datetime
    #: The names of the steps that were taken about it.
    taken: dict[str, StepTaken]
    #: Whether a payment for the subscription is disputed (`contest_of`).
    contest: Standing | None

    def done(self) -> tuple[StepDone, ...]:
        """What was done about it, in the order in which it was: of one moment, in the order of the schedule."""
        places = {step.name: place for place, step in enumerate(self._schedule)}
        told = (one for one in self.taken.values() if one.kind is not StepKind.LOOK)
        return tuple(
            StepDone(
                name=one.name,
                kind=one.kind,
                taken_at=one.taken_at,
                skipped=one.kind is StepKind.RETRY and one.operation_id is None,
            )
            for one in sorted(told, key=lambda one: (one.taken_at, places.get(one.name, -1), one.name))
        )

    @property
    def _schedule(self) -> tuple[NextStep, ...]:
        return schedule(self.policy, self.invoice.id, self.first_failed_at)

    def scheduled(self) -> list[NextStep]:
        """The steps of the schedule that are not held back by a dispute, whether or not they were taken."""
        if self.contest is Standing.OPEN:
            return []
        return [step for step in self._schedule if self.contest is None or step.kind is StepKind.LAST]

    def to_come(self) -> list[NextStep]:
        """Those of them that were not taken yet."""
        if StepKind.LAST in self.taken:
            return []
        return [step for step in self.scheduled() if step.name not in self.taken]


def _case_of(
    seen: SubscriptionSeen,
    past_due_since: datetime | None,
    policy: DunningPolicy,
    known: Known,
    steps: Iterable[StepTaken],
) -> _Case | None:
    """The oldest renewal of a subscription that was tried and is unpaid, while the subscription owes it."""
    if past_due_since is None and seen.status != _GIVEN_UP:
        return None
    invoice = unpaid_invoice(seen.id, known)
    if invoice is None:
        return None
    payment = next(reversed(known.payments_of(invoice)), None)
    taken = {one.name: one for one in steps if one.subject == invoice.id}
    since = past_due_since or first_failure(invoice, known)
    if invoice.created >= since:  # the subscription is past due because of an older one, which was written off
        since = first_failure(invoice, known)
    return _Case(invoice, payment, policy, since, taken, contest_of(seen.id, known))


def dunning_of(
    seen: SubscriptionSeen,
    past_due_since: datetime | None,
    policy: DunningPolicy,
    known: Known,
    steps: Iterable[StepTaken],
) -> Dunning | None:
    """What is being done about a subscription's unpaid renewal; None while it owes none."""
    case = _case_of(seen, past_due_since, policy, known, steps)
    if case is None:
        return None
    own = policy.collector is Collector.OWN
    hard, scheduled = is_hard(case.payment), case.scheduled()
    return Dunning(
        stripe_invoice_id=case.invoice.id,
        amount_due=Money(case.invoice.amount_remaining or case.invoice.amount_due, case.invoice.currency),
        hosted_invoice_url=case.invoice.hosted_url,
        first_failed_at=case.first_failed_at,
        attempts=case.invoice.attempt_count,
        retries_at=() if hard else tuple(step.due_at for step in scheduled if step.kind is StepKind.RETRY),
        provider_retry_at=None if own else case.invoice.next_attempt_at,
        decline_code=(case.payment.decline_code or case.payment.failure_code) if case.payment else None,
        hard_decline=hard,
        steps=case.done(),
        ends_at=next((step.due_at for step in scheduled if step.kind is StepKind.LAST), None),
    )


def next_step(
    seen: SubscriptionSeen,
    past_due_since: datetime | None,
    policy: DunningPolicy,
    known: Known,
    steps: Iterable[StepTaken],
) -> NextStep | None:
    """The step about a subscription's unpaid invoice that comes next; None where nothing is left to do."""
    case = _case_of(seen, past_due_since, policy, known, steps)
    if case is None:
        return _look_at_first(seen, known, steps)
    coming = case.to_come()
    if case.contest is None:
        method = _new_method(seen, case, known)
        unknown = None if case.payment else _look(case.invoice, known, frozenset(case.taken), case.first_failed_at)
        coming += [step for step in (method, unknown) if step is not None]
    return min(coming, key=_place, default=None)


def _look_at_first(seen: SubscriptionSeen, known: Known, steps: Iterable[StepTaken]) -> NextStep | None:
    """Where the first payment of a subscription came to nothing yet: which one it is."""
    invoice = known.seen(InvoiceSeen, seen.latest_invoice_id) if seen.status == "incomplete" else None
    if invoice is None or invoice.status != "open" or known.payments_of(invoice):
        return None
    taken = frozenset(step.name for step in steps if step.subject == invoice.id)
    return _look(invoice, known, taken, invoice.created)


def _look(invoice: InvoiceSeen, known: Known, taken: frozenset[str], due_at: datetime) -> NextStep | None:
    """A payment without success that may be the invoice's: which it was for is asked of the provider, once."""
    for payment in known.all(PaymentSeen):
        tried = payment.failure_code is not None or payment.status in {"requires_action", "processing"}
        may_be = tried and payment.created >= invoice.created and known.invoice_of(payment) is None
        step = NextStep(kind=StepKind.LOOK, subject=invoice.id, number=payment.id, due_at=due_at)
        if may_be and step.name not in taken:
            return step
    return None


def _new_method(seen: SubscriptionSeen, case: _Case, known: Known) -> NextStep | None:
    """A payment method that came after the failure, or was made the default since: it is tried at once, and once.

    Also after the last step, where that left the subscription as it is.
    """
    customer = known.customer()
    defaults = (seen.default_payment_method_id, customer.default_payment_method_id if customer else None)
    attached = [one for one in known.all(PaymentMethodSeen) if one.customer_id is not None]
    new = [one for one in attached if one.created > case.first_failed_at or _replaced(one, defaults, case, known)]
    untried = [one for one in new if f"{StepKind.METHOD} {one.id}" not in case.taken]
    chosen = max(untried, key=lambda one: (one.id in defaults, one.created, one.id), default=None)
    if chosen is None:
        return None
    due_at = max(chosen.created, case.first_failed_at)
    return NextStep(kind=StepKind.METHOD, subject=case.invoice.id, number=chosen.id, due_at=due_at)


def _replaced(method: PaymentMethodSeen, defaults: tuple[str | None, str | None], case: _Case, known: Known) -> bool:
    """Whether an older method is the one that pays now, and is known to be none of those that failed."""
    pays = defaults[0] or defaults[1]
    failed = {one.card_fingerprint for one in known.charges_of(case.payment)} if case.payment else set()
    known_failed = failed - {None}
    return method.id == pays and bool(known_failed) and method.fingerprint not in known_failed


def retry_is_skipped(step: NextStep, dunning: Dunning, policy: DunningPolicy, now: datetime) -> bool:
    """Whether a retry that is due is left out: after a hard decline, or because a later one is due as well.

    The second is what a worker finds that was away for days: the card is tried once then, not once for each day.
    """
    due = [one for one in schedule(policy, step.subject, dunning.first_failed_at) if one.due_at <= now]
    last = [one for one in due if one.kind is StepKind.RETRY][-1:]
    return dunning.hard_decline or (bool(last) and step.name != last[0].name)
