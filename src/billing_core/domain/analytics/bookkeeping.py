"""Bookkeeping: every entry that the facts about one customer add up to, and what changes as more facts come.

The entries are made in pieces: of one payment, one invoice, one subscription, and the movements of the customer.
New facts touch a few of them, and only those are made again; so long histories can be gone through fact by fact.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from billing_core.domain.analytics.entries import Entry
from billing_core.domain.analytics.histories import History
from billing_core.domain.analytics.movements import movements_of
from billing_core.domain.analytics.rates import Discounts
from billing_core.domain.analytics.recovery import recovery_of
from billing_core.domain.analytics.revenue import revenue_of
from billing_core.domain.analytics.running import Running, Step, Workings
from billing_core.domain.analytics.settling import Settling, settling_of
from billing_core.domain.analytics.touching import Touched, everything, touched_by
from billing_core.domain.analytics.trials import trials_of
from billing_core.domain.facts import Fact, InvoiceSeen, PaymentSeen, SubscriptionSeen
from billing_core.domain.subscriptions import Status

__all__ = ["Books", "Turnover", "entries_of"]


def entries_of(customer_id: str, history: History) -> frozenset[Entry]:
    """All entries about a customer: the same for the same set of facts, in whatever order they came.

    Some may lie ahead of the last fact: a grace that will end, a discount that will run out.
    """
    return Books(customer_id, history).entries


@frozen
class Turnover:
    """What became of the entries about a customer when facts came."""

    struck: frozenset[Entry]
    added: frozenset[Entry]


class Books:
    """The entries about one customer, kept up to date: after any facts they are `entries_of` all of them."""

    def __init__(self, customer_id: str, history: History) -> None:
        self._customer_id = customer_id
        self._history = history
        #: By what they are about. No two pieces have an entry in common: each names its own subject.
        self._pieces: dict[tuple[str, str], frozenset[Entry]] = {}
        self._settlings: dict[str, Settling] = {}
        self._steps: dict[str, tuple[Step, ...]] = {}
        self._workings: dict[str, Workings] = {}
        self._write(everything(history.known))

    @property
    def entries(self) -> frozenset[Entry]:
        """All entries, as they stand."""
        return frozenset().union(*self._pieces.values())

    def learn(self, facts: Iterable[Fact]) -> Turnover:
        """Take in facts that are new."""
        new = tuple(facts)
        before = self._history
        self._history = before.and_also(new)
        return self._write(touched_by({fact.ref for fact in new}, before.known, self._history.known))

    def _write(self, touched: Touched) -> Turnover:
        """Make every piece again that was touched."""
        history, known = self._history, self._history.known
        pieces: dict[tuple[str, str], Iterable[Entry]] = {}
        moved = self._settle(touched)
        for payment_id in touched.payments & self._settlings.keys():
            pieces["payment", payment_id] = revenue_of(self._settlings[payment_id], history)
        for invoice_id in touched.invoices | self._failed_invoices(touched):
            invoice = known.seen(InvoiceSeen, invoice_id)
            pieces["invoice", invoice_id] = recovery_of(invoice, history) if invoice else ()
        for subscription_id in touched.subscriptions | touched.billed:
            seen = known.seen(SubscriptionSeen, subscription_id)
            pieces["trial", subscription_id] = trials_of(seen, history) if seen else ()
        if self._run(touched, moved):
            pieces["movements", ""] = movements_of(self._customer_id, self._steps)
        return self._replace(pieces)

    def _replace(self, pieces: dict[tuple[str, str], Iterable[Entry]]) -> Turnover:
        gone: set[Entry] = set()
        come: set[Entry] = set()
        for name, made in pieces.items():
            before, after = self._pieces.get(name, frozenset()), frozenset(made)
            gone |= before - after
            come |= after - before
            self._pieces[name] = after
        return Turnover(frozenset(gone - come), frozenset(come - gone))

    def _settle(self, touched: Touched) -> dict[str, list[Settling]]:
        """Settle the payments that were touched; by subscription, how each was before and is now."""
        history, known = self._history, self._history.known
        moved: dict[str, list[Settling]] = {}
        for payment_id in touched.payments:
            before = self._settlings.pop(payment_id, None)
            payment = known.seen(PaymentSeen, payment_id)
            after = settling_of(payment, history) if payment else None
            if after is not None:
                self._settlings[payment_id] = after
            for subscription_id in touched.paid_for.get(payment_id, ()):
                moved.setdefault(subscription_id, []).extend(one for one in (before, after) if one is not None)
        return moved

    def _failed_invoices(self, touched: Touched) -> set[str]:
        """The invoices that tell of a failure, of each subscription that was touched: its end may have lost them."""
        invoices = (one.id for name in touched.subscriptions for one in self._history.known.invoices_of(name))
        return {invoice_id for invoice_id in invoices if self._pieces.get(("invoice", invoice_id))}

    def _run(self, touched: Touched, moved: dict[str, list[Settling]]) -> bool:
        """Run the subscriptions through time again whose MRR may have changed; whether there is any."""
        history, known = self._history, self._history.known
        discounts = Discounts(history)
        again = set(self._steps) if touched.discounts else set()
        again |= touched.subscriptions
        again |= {name for name, settlings in moved.items() if self._concerns(name, settlings)}
        billed = touched.billed | moved.keys()
        again |= {name for name in billed if any(one.was_touched for one in self._paid(name)) or self._was_late(name)}
        for name in again:
            seen = known.seen(SubscriptionSeen, name)
            if seen is not None:
                workings = self._workings.setdefault(name, Workings())
                self._steps[name] = tuple(Running(seen, history, discounts, self._paid(name), workings).steps())
        return bool(again)

    def _concerns(self, subscription_id: str, settlings: Iterable[Settling]) -> bool:
        """Whether money went back, or moved at a moment at which MRR did: then its facts are named too."""
        moments = {step.at for step in self._steps.get(subscription_id, ())}
        return any(one.was_touched or not moments.isdisjoint(one.moments) for one in settlings)

    def _was_late(self, subscription_id: str) -> bool:
        """Whether it was ever past due: its invoices, and what was tried of them, tell since when."""
        stages = self._history.stages(SubscriptionSeen, subscription_id)
        return any(stage.seen.status == Status.PAST_DUE for stage in stages)

    def _paid(self, subscription_id: str) -> list[Settling]:
        known = self._history.known
        return [self._settlings[p.id] for one in known.invoices_of(subscription_id) for p in known.payments_of(one)]
