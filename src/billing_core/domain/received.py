"""Received events: what a webhook brought, from its arrival to the end of its handling."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from attrs import evolve, field, frozen

from billing_core.domain.facts import Fact

__all__ = ["Delivery", "Received", "ReceivedState"]


class ReceivedState(StrEnum):
    """What became of a received event."""

    #: Stored, not yet applied; a worker will.
    STORED = "stored"
    #: Its fact is part of the state.
    APPLIED = "applied"
    #: Its fact is stored and waits for something that is not known yet: a customer, an object, a plan.
    PARKED = "parked"
    #: Of a kind, mode or account that does not concern us.
    IGNORED = "ignored"
    #: Applying it failed; it is tried again later.
    FAILED = "failed"
    #: It failed too often; a person has to look.
    DEAD = "dead"


@frozen(kw_only=True)
class Delivery:
    """A verified webhook: an event of the provider's, read as far as we read it."""

    #: The event's id at the provider.
    event_id: str
    type: str
    #: The connected account it is about; empty for our own.
    account: str = ""
    livemode: bool
    api_version: str | None = None
    #: When the provider says it happened (UTC, whole second).
    created: datetime
    #: The fact that it tells; None for a kind of event that tells us nothing.
    fact: Fact | None
    #: The bytes as they came, whose signature was verified.
    payload: bytes = field(repr=False)
    #: Why it does not concern us; None where it does.
    ignored: str | None = None
    #: Why it could not be read although the provider sent it; None where it could.
    unreadable: str | None = None


@frozen(kw_only=True)
class Received:
    """A stored event and what became of it."""

    event_id: str
    type: str
    account: str = ""
    livemode: bool
    api_version: str | None = None
    created: datetime
    fact: Fact | None
    state: ReceivedState = ReceivedState.STORED
    attempts: int = 0
    #: What it waits for while parked, such as ``customer:cus_1`` or ``price:price_1``.
    waits_for: frozenset[str] = frozenset()
    #: Why it failed, is parked or is ignored.
    error: str | None = None
    next_attempt_at: datetime | None = None
    received_at: datetime
    #: The bytes as they came; None once they expired (90 days).
    payload: bytes | None = field(default=None, repr=False)

    def applied(self) -> Received:
        """It, with its fact part of the state."""
        return evolve(
            self,
            state=ReceivedState.APPLIED,
            attempts=self.attempts + 1,
            waits_for=frozenset(),
            error=None,
            next_attempt_at=None,
        )

    def parked(self, waits_for: Mapping[str, str], next_attempt_at: datetime | None = None) -> Received:
        """It, waiting for what is not known yet: each key with the reason in words.

        At ``next_attempt_at`` it is looked at again in any case: what it lacks may have come at the same moment.
        """
        return evolve(
            self,
            state=ReceivedState.PARKED,
            attempts=self.attempts + 1,
            waits_for=frozenset(waits_for),
            error=" ".join(waits_for.values()),
            next_attempt_at=next_attempt_at,
        )

    def read_again(self, delivery: Delivery | None) -> Received:
        """It, after its bytes were read once more: with its fact, where they can be read by now; None for no bytes.

        What tells no fact is settled: it does not concern us, or is a dead letter.
        """
        if delivery is None:
            return evolve(self, state=ReceivedState.DEAD, error=_NO_BYTES, next_attempt_at=None)
        if delivery.fact is not None and delivery.ignored is None:
            return evolve(self, fact=delivery.fact, error=None)
        return evolve(self, state=_state_of(delivery), error=_why_of(delivery), next_attempt_at=None)

    def failed(self, error: str, next_attempt_at: datetime | None) -> Received:
        """It, after a try that failed; without a next time it is a dead letter.

        What does not concern us, or could not be read, stays as it is: there is nothing in it to try.
        """
        if self.fact is None and self.state in {ReceivedState.IGNORED, ReceivedState.DEAD}:
            return self
        return evolve(
            self,
            state=ReceivedState.FAILED if next_attempt_at else ReceivedState.DEAD,
            attempts=self.attempts + 1,
            error=error,
            next_attempt_at=next_attempt_at,
        )

    @classmethod
    def of(cls, delivery: Delivery, received_at: datetime) -> Received:
        """A delivery, as it is stored when it comes in."""
        return cls(
            event_id=delivery.event_id,
            type=delivery.type,
            account=delivery.account,
            livemode=delivery.livemode,
            api_version=delivery.api_version,
            created=delivery.created,
            fact=None if delivery.ignored else delivery.fact,
            state=_state_of(delivery),
            error=_why_of(delivery),
            received_at=received_at,
            payload=delivery.payload,
        )


_TELLS_NOTHING = "This kind of event tells us nothing."
_NO_BYTES = "What it told is not known, and its bytes are not kept any more."


def _why_of(delivery: Delivery) -> str | None:
    return delivery.unreadable or delivery.ignored or (None if delivery.fact else _TELLS_NOTHING)


def _state_of(delivery: Delivery) -> ReceivedState:
    """What could not be read is for a person, at once: no other try would read it."""
    if delivery.unreadable is not None:
        return ReceivedState.DEAD
    return ReceivedState.IGNORED if delivery.ignored or delivery.fact is None else ReceivedState.STORED
