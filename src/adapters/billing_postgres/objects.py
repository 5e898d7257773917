"""The provider's objects in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, LiteralString, Self

import msgspec
from attrs import frozen

from billing_core.domain.facts import ObjectKind, ObjectRef, owners_of
from billing_core.domain.folding import ObjectState
from billing_postgres.encoding import encode_rows, raw, read_snapshot
from billing_postgres.facts import refs_as_arrays
from billing_postgres.session import Session
from billing_postgres.statements import upsert

__all__ = ["PostgresObjects"]


class ObjectRow(msgspec.Struct, kw_only=True):
    """A row of ``provider_objects``."""

    kind: ObjectKind
    id: str
    customer_id: str | None
    snapshot: msgspec.Raw
    status_since: datetime
    statuses: list[str]
    price_since: datetime | None
    trial_ending_at: datetime | None
    last_at: datetime
    facts: int
    ambiguous: bool
    fold_version: int
    owners: list[str]

    @classmethod
    def of(cls, state: ObjectState) -> Self:
        """How a state is stored."""
        owners = owners_of(state.snapshot) if state.customer_id is None else ()
        return cls(
            kind=state.ref.kind,
            id=state.ref.id,
            customer_id=state.customer_id,
            snapshot=raw(state.snapshot),
            status_since=state.status_since,
            statuses=sorted(state.statuses),
            price_since=state.price_since,
            trial_ending_at=state.trial_ending_at,
            last_at=state.last_at,
            facts=state.facts,
            ambiguous=state.ambiguous,
            fold_version=state.fold_version,
            owners=[str(owner) for owner in owners],
        )

    def to_state(self) -> ObjectState:
        """The state that is stored."""
        return ObjectState(
            ref=ObjectRef(self.kind, self.id),
            customer_id=self.customer_id,
            snapshot=read_snapshot(self.kind, self.snapshot),
            status_since=self.status_since,
            statuses=frozenset(self.statuses),
            price_since=self.price_since,
            trial_ending_at=self.trial_ending_at,
            last_at=self.last_at,
            facts=self.facts,
            ambiguous=self.ambiguous,
            fold_version=self.fold_version,
        )


_READ: Final = msgspec.json.Decoder(ObjectRow)

_OF_CUSTOMER: Final[LiteralString] = "SELECT to_json(o) FROM provider_objects o WHERE o.customer_id = %s"

_GET: Final[LiteralString] = """
SELECT to_json(o)
FROM unnest(%(kinds)s::text[], %(ids)s::text[]) AS wanted (kind, id)
JOIN provider_objects o ON o.id = wanted.id COLLATE "C" AND o.kind = wanted.kind
"""

_SAVE: Final = upsert("provider_objects", ObjectRow, key=("id", "kind"))

_AMBIGUOUS: Final[LiteralString] = """
SELECT kind, id FROM provider_objects WHERE ambiguous ORDER BY last_at, id LIMIT %s
"""

_WITHOUT_CUSTOMER: Final[LiteralString] = """
SELECT to_json(o) FROM provider_objects o WHERE o.customer_id IS NULL AND o.owners && %s::text[]
"""


@frozen
class PostgresObjects:
    """The port of the provider's objects."""

    _session: Session

    async def of_customer(self, customer_id: str) -> tuple[ObjectState, ...]:
        """Every object that belongs to a customer."""
        return await self._states(_OF_CUSTOMER, (customer_id,))

    async def get(self, refs: Collection[ObjectRef]) -> tuple[ObjectState, ...]:
        """These objects, as far as they are known."""
        return await self._states(_GET, refs_as_arrays(refs)) if refs else ()

    async def save(self, states: Collection[ObjectState]) -> None:
        """Write these objects."""
        if states:
            distinct = {state.ref: ObjectRow.of(state) for state in states}
            await self._session.execute(_SAVE, {"rows": encode_rows(distinct.values())})

    async def ambiguous(self, limit: int) -> tuple[ObjectRef, ...]:
        """Objects whose last second is uncertain, oldest first."""
        return tuple(ObjectRef(ObjectKind(kind), id_) for kind, id_ in await self._session.rows(_AMBIGUOUS, (limit,)))

    async def without_customer(self, refs: Collection[ObjectRef]) -> tuple[ObjectState, ...]:
        """The objects without a customer that name one of ``refs`` as their owner."""
        return await self._states(_WITHOUT_CUSTOMER, ([str(ref) for ref in refs],)) if refs else ()

    async def _states(
        self, query: LiteralString, parameters: dict[str, object] | tuple[object, ...]
    ) -> tuple[ObjectState, ...]:
        return tuple(_READ.decode(stored).to_state() for (stored,) in await self._session.rows(query, parameters))
