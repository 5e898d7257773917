"""Settling: how the money of one payment came, went back and came again, moment by moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from attrs import evolve, frozen

from billing_core.domain.analytics.entries import EntryKind
from billing_core.domain.analytics.histories import History
from billing_core.domain.disputes import Standing, standing_of
from billing_core.domain.facts import ChargeSeen, DisputeSeen, PaymentSeen, RefundSeen
from billing_core.domain.payments import settlement_of
from billing_core.domain.refunds import is_live, refunded_of

__all__ = ["Settling", "Turn", "settling_of"]


@frozen(kw_only=True)
class Turn:
    """Money of one payment that changed hands at one moment."""

    at: datetime
    kind: EntryKind
    #: Minor units, signed: negative where it left us.
    amount: int
    #: The payment, refund or dispute.
    subject_id: str
    facts: tuple[str, ...] = ()


@frozen
class _Holding:
    """That a dispute stood like this from one moment on."""

    at: datetime
    dispute_id: str
    standing: Standing


@frozen(kw_only=True)
class Settling:
    """What became of the money of one payment."""

    payment: PaymentSeen
    turns: tuple[Turn, ...] = ()
    _holdings: tuple[_Holding, ...] = ()

    @property
    def moments(self) -> tuple[datetime, ...]:
        """When anything about it changed."""
        return (*(turn.at for turn in self.turns), *(held.at for held in self._holdings))

    @property
    def was_touched(self) -> bool:
        """Whether anything happened to it after it was paid."""
        return len(self.turns) > 1 or bool(self._holdings)

    def refunded_at(self, moment: datetime) -> bool:
        """Whether by then refunds, a prevented dispute being one, had given all of it back."""
        passed = [turn for turn in self.turns if turn.at <= moment]
        captured = sum(turn.amount for turn in passed if turn.kind is EntryKind.PAID)
        back = -sum(turn.amount for turn in passed if turn.kind in {EntryKind.REFUNDED, EntryKind.REFUND_FAILED})
        return 0 < captured <= back

    def lost_at(self, moment: datetime) -> bool:
        """Whether by then a dispute of it was lost and not won after all."""
        last = {held.dispute_id: held.standing for held in self._holdings if held.at <= moment}
        return Standing.LOST in last.values()


def settling_of(payment: PaymentSeen, history: History) -> Settling:
    """The course of one payment; without turns where nothing was captured."""
    settlement = settlement_of(payment, history.known)
    if settlement.paid_at is None or settlement.captured.amount == 0:
        return Settling(payment=payment)
    disputes = [(seen, tuple(_holdings(seen, history))) for seen in history.known.disputes_of(payment)]
    moved = [*_refunds(payment, history), *_disputes(disputes, history)]
    paid = Turn(
        at=settlement.paid_at,
        kind=EntryKind.PAID,
        amount=settlement.captured.amount,
        subject_id=payment.id,
        facts=history.facts_of(PaymentSeen, payment.id),
    )
    return Settling(
        payment=payment,
        turns=(paid, *_within(settlement.captured.amount, moved)),
        holdings=tuple(sorted((h for _, held in disputes for h in held), key=lambda held: held.at)),
    )


def _within(captured: int, moved: Iterable[Turn]) -> Iterator[Turn]:
    """The turns in order, none of which takes more than is there: dispute and refund of the same money count once.

    What a refund or dispute could not take because another one held the money, it takes once that lets go of it.
    """
    kept = captured
    taken: dict[str, int] = defaultdict(int)
    waiting: dict[str, Turn] = {}
    # Stable: within one second each refund and dispute keeps the order of its own turns.
    for turn in sorted(moved, key=lambda one: one.at):
        asking = [turn]
        if turn.amount > 0:
            waiting.pop(turn.subject_id, None)
            back = min(turn.amount, taken[turn.subject_id])
            kept, asking = kept + back, list(waiting.values())
            taken[turn.subject_id] -= back
            if back:
                yield evolve(turn, amount=back)
        for one in asking:
            part = min(-one.amount, kept)
            kept -= part
            taken[one.subject_id] += part
            if part:
                yield evolve(one, at=turn.at, amount=-part)
            waiting[one.subject_id] = evolve(one, amount=one.amount + part)


def _refunds(payment: PaymentSeen, history: History) -> Iterator[Turn]:
    refunds = history.known.refunds_of(payment)
    for refund in refunds:
        stages = history.stages(RefundSeen, refund.id)
        made, last = stages[0], stages[-1]
        yield Turn(
            at=refund.created,
            kind=EntryKind.REFUNDED,
            amount=-refund.amount,
            subject_id=refund.id,
            facts=made.facts,
        )
        if not is_live(refund):
            yield Turn(
                at=max(refund.created, last.status_since),
                kind=EntryKind.REFUND_FAILED,
                amount=refund.amount,
                subject_id=refund.id,
                facts=last.facts,
            )
    heard = sum(refund.amount for refund in refunds)
    for charge in history.known.charges_of(payment):
        told_sum = refunded_of(charge)
        if told_sum > heard:  # a charge tells a cumulative sum, also of refunds that we have not heard of
            told = next(s for s in history.stages(ChargeSeen, charge.id) if refunded_of(s.seen) > heard)
            yield Turn(
                at=told.at,
                kind=EntryKind.REFUNDED,
                amount=heard - told_sum,
                subject_id=charge.id,
                facts=told.facts,
            )


def _holdings(dispute: DisputeSeen, history: History) -> Iterator[_Holding]:
    """Each run of one standing; the first begins when the dispute did, however late it was told."""
    before: Standing | None = None
    for stage in history.stages(DisputeSeen, dispute.id):
        standing = standing_of(stage.seen)
        if standing is not before:
            yield _Holding(dispute.created if before is None else stage.at, dispute.id, standing)
        before = standing


def _disputes(disputes: Iterable[tuple[DisputeSeen, tuple[_Holding, ...]]], history: History) -> Iterator[Turn]:
    """What each dispute took and gave back: it takes when it is opened, and gives back when it is won."""
    for dispute, holdings in disputes:
        holds = False
        for held in holdings:
            takes = held.standing in {Standing.OPEN, Standing.LOST, Standing.PREVENTED}
            if takes is holds:
                continue
            holds = takes
            back = EntryKind.REFUNDED if held.standing is Standing.PREVENTED else EntryKind.DISPUTED
            yield Turn(
                at=held.at,
                kind=back if takes else EntryKind.DISPUTE_WON,
                amount=-dispute.amount if takes else dispute.amount,
                subject_id=dispute.id,
                facts=history.facts_of(DisputeSeen, dispute.id),
            )
