"""Rows as they are written together: of the inbox, the fact log, the outbox, the audit log and the mapping."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Self

import msgspec

from billing_core.domain.audit import AuditEntry
from billing_core.domain.events import Event
from billing_core.domain.facts import Fact
from billing_core.domain.received import Received
from billing_postgres.encoding import FactJson, raw

__all__ = ["AuditRow", "EventRow", "FactRow", "MappingRow", "ReceivedRow", "VersionRow", "customer_of"]


def customer_of(fact: Fact | None) -> str:
    """By which customer an event is kept; empty where it names none."""
    return (fact.customer_id if fact else None) or ""


class MappingRow(msgspec.Struct, kw_only=True):
    """A row of ``user_stripe_mapping``."""

    user_id: str
    customer_id: str
    source: str
    linked_at: datetime


class ReceivedRow(msgspec.Struct, kw_only=True):
    """A row of ``received_events`` but for the bytes that came."""

    event_id: str
    type: str
    account: str
    livemode: bool
    api_version: str | None
    created: datetime
    customer_id: str
    fact: FactJson | None
    state: str
    attempts: int
    waits_for: list[str]
    error: str | None
    next_attempt_at: datetime | None
    received_at: datetime

    @classmethod
    def of(cls, received: Received) -> Self:
        """How an event is stored."""
        fact = received.fact
        return cls(
            event_id=received.event_id,
            type=received.type,
            account=received.account,
            livemode=received.livemode,
            api_version=received.api_version,
            created=received.created,
            customer_id=customer_of(fact),
            fact=FactJson.of(fact) if fact else None,
            state=received.state,
            attempts=received.attempts,
            waits_for=sorted(received.waits_for),
            error=received.error,
            next_attempt_at=received.next_attempt_at,
            received_at=received.received_at,
        )


class FactRow(msgspec.Struct, kw_only=True):
    """A row of ``facts``."""

    id: str
    kind: str
    object_id: str
    customer_id: str | None
    type: str
    occurred_at: datetime
    recorded_at: datetime
    after: msgspec.Raw
    before: msgspec.Raw | None

    @classmethod
    def of(cls, fact: Fact, recorded_at: datetime) -> Self:
        """How a fact is stored."""
        return cls(
            id=fact.id,
            kind=fact.kind,
            object_id=fact.after.id,
            customer_id=fact.customer_id,
            type=fact.type,
            occurred_at=fact.occurred_at,
            recorded_at=recorded_at,
            after=raw(fact.after),
            before=raw(fact.before) if fact.before else None,
        )


class EventRow(msgspec.Struct, kw_only=True):
    """A row of ``outbox`` before it has its position."""

    user_id: str
    version: int
    id: str
    type: str
    occurred_at: datetime
    data: Mapping[str, str | int | None]
    recorded_at: datetime

    @classmethod
    def of(cls, event: Event, recorded_at: datetime) -> Self:
        """How an event is stored."""
        return cls(
            user_id=event.user_id,
            version=event.version,
            id=event.id,
            type=event.type,
            occurred_at=event.occurred_at,
            data=event.data,
            recorded_at=recorded_at,
        )


class VersionRow(msgspec.Struct, kw_only=True):
    """A row of ``user_versions``."""

    user_id: str
    version: int


class AuditRow(msgspec.Struct, kw_only=True):
    """A row of ``audit_log`` before it has its number."""

    user_id: str
    at: datetime
    cause_kind: str
    cause_id: str
    actor: str
    reason: str | None
    changes: Mapping[str, Mapping[str, tuple[str | None, str | None]]]

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """How an entry is stored."""
        cause = entry.cause
        return cls(
            user_id=entry.user_id,
            at=entry.at,
            cause_kind=cause.kind,
            cause_id=cause.id,
            actor=cause.actor,
            reason=cause.reason,
            changes=entry.changes,
        )
