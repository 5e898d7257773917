"""The provider's objects in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, LiteralString

from attrs import frozen

from billing_core.domain.facts import ObjectKind, ObjectRef
from billing_core.domain.folding import ObjectState
from billing_postgres.ahead import Ahead
from billing_postgres.encoding import encode_rows
from billing_postgres.rows.objects import ObjectRow, read_state
from billing_postgres.session import Session
from billing_postgres.statements import refs_as_arrays, upsert

__all__ = ["PostgresObjects"]


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


_GUARDIANS_OF: Final[LiteralString] = """
SELECT to_json(o) FROM provider_objects o WHERE o.ward = ANY(%s::text[])
"""


@frozen
class PostgresObjects:
    """The port of the provider's objects."""

    _session: Session
    _ahead: Ahead

    async def of_customer(self, customer_id: str) -> tuple[ObjectState, ...]:
        """Every object that belongs to a customer."""
        known = self._ahead.objects_of(customer_id)
        return known if known is not None else await self._states(_OF_CUSTOMER, (customer_id,))

    async def get(self, refs: Collection[ObjectRef]) -> tuple[ObjectState, ...]:
        """These objects, as far as they are known."""
        known = self._ahead.get_objects(refs)
        return known if known is not None else await self._states(_GET, refs_as_arrays(refs))

    async def save(self, states: Collection[ObjectState]) -> None:
        """Write these objects."""
        if states and not self._ahead.keep_objects(states):
            distinct = {state.ref: ObjectRow.of(state) for state in states}
            await self._session.execute(_SAVE, {"rows": encode_rows(distinct.values())})

    async def ambiguous(self, limit: int) -> tuple[ObjectRef, ...]:
        """Objects whose last second is uncertain, oldest first."""
        return tuple(ObjectRef(ObjectKind(kind), id_) for kind, id_ in await self._session.rows(_AMBIGUOUS, (limit,)))

    async def without_customer(self, refs: Collection[ObjectRef]) -> tuple[ObjectState, ...]:
        """The objects without a customer that name one of ``refs`` as their owner."""
        if self._ahead.no_orphans_of(refs):
            return ()
        return await self._states(_WITHOUT_CUSTOMER, ([str(ref) for ref in refs],))

    async def guardians_of(self, refs: Collection[ObjectRef]) -> tuple[ObjectState, ...]:
        """The objects of a customer that name one of ``refs`` as theirs."""
        return await self._states(_GUARDIANS_OF, ([str(ref) for ref in refs],)) if refs else ()

    async def _states(
        self, query: LiteralString, parameters: dict[str, object] | tuple[object, ...]
    ) -> tuple[ObjectState, ...]:
        return tuple(read_state(stored) for (stored,) in await self._session.rows(query, parameters))
