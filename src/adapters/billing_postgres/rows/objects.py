"""Rows of ``provider_objects``."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import msgspec

from billing_core.domain.facts import ObjectKind, ObjectRef, owners_of, wards_of
from billing_core.domain.folding import ObjectState
from billing_postgres.encoding import raw, read_snapshot, reader

__all__ = ["ObjectRow", "read_state"]


class ObjectRow(msgspec.Struct, kw_only=True):
    """A row of ``provider_objects``."""

    kind: ObjectKind
    id: str
    customer_id: str | None
    snapshot: msgspec.Raw
    status_since: datetime
    status_not_before: datetime | None
    statuses: list[str]
    price_since: datetime | None
    trial_ending_at: datetime | None
    last_at: datetime
    facts: int
    ambiguous: bool
    fold_version: int
    owners: list[str]
    ward: str | None

    @classmethod
    def of(cls, state: ObjectState) -> Self:
        """How a state is stored."""
        owners = owners_of(state.snapshot) if state.customer_id is None else ()
        wards = wards_of(state.snapshot) if state.customer_id is not None else ()
        return cls(
            kind=state.ref.kind,
            id=state.ref.id,
            customer_id=state.customer_id,
            snapshot=raw(state.snapshot),
            status_since=state.status_since,
            status_not_before=state.status_not_before,
            statuses=sorted(state.statuses),
            price_since=state.price_since,
            trial_ending_at=state.trial_ending_at,
            last_at=state.last_at,
            facts=state.facts,
            ambiguous=state.ambiguous,
            fold_version=state.fold_version,
            owners=[str(owner) for owner in owners],
            ward=next(map(str, wards), None),
        )

    def to_state(self) -> ObjectState:
        """The state that is stored."""
        return ObjectState(
            ref=ObjectRef(self.kind, self.id),
            customer_id=self.customer_id,
            snapshot=read_snapshot(self.kind, self.snapshot),
            status_since=self.status_since,
            status_not_before=self.status_not_before,
            statuses=frozenset(self.statuses),
            price_since=self.price_since,
            trial_ending_at=self.trial_ending_at,
            last_at=self.last_at,
            facts=self.facts,
            ambiguous=self.ambiguous,
            fold_version=self.fold_version,
        )


#: The state that a row holds, as JSON.
read_state = reader(ObjectRow, ObjectRow.to_state)
