"""What a unit of work writes behind: rows that wait to be written together, in one round trip.

Only a unit of work that was prepared writes behind: it holds the locks of those whom the rows are about, and it has
read what they replace, so it knows everything that the statements of its repositories would have answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, LiteralString

import msgspec
from attrs import define, field

from billing_core.domain.facts import ObjectRef
from billing_core.domain.received import Received
from billing_postgres.account_changes import AccountChanges
from billing_postgres.encoding import encode_rows
from billing_postgres.exchange import Statement
from billing_postgres.rows.objects import ObjectRow
from billing_postgres.rows.written import AuditRow, EventRow, FactRow, MappingRow, ReceivedRow, VersionRow
from billing_postgres.statements import columns_of, upsert

__all__ = ["Pending"]


def _insert(table: LiteralString, row: type[MappingRow | FactRow | EventRow | AuditRow]) -> LiteralString:
    columns = ", ".join(columns_of(row))
    source = f"json_populate_recordset(NULL::{table}, %({table})s::json)"
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {source}"  # noqa: S608 - names of this package


#: A twin that another transaction stores meanwhile makes the whole statement fail (`ConcurrentChange`).
_RECEIVED: Final[LiteralString] = """
INSERT INTO received_events (
    event_id, type, account, livemode, api_version, created, customer_id, fact, state, attempts, waits_for, error,
    next_attempt_at, received_at, payload
)
SELECT
    event_id, type, account, livemode, api_version, created, customer_id, fact, state, attempts, waits_for, error,
    next_attempt_at, received_at, payload
FROM ROWS FROM (
    json_to_recordset(%(received_events)s::json) AS (
        event_id text, type text, account text, livemode boolean, api_version text, created timestamptz,
        customer_id text, fact jsonb, state text, attempts integer, waits_for text[], error text,
        next_attempt_at timestamptz, received_at timestamptz
    ),
    unnest(%(payloads)s::bytea[])
) AS r (
    event_id, type, account, livemode, api_version, created, customer_id, fact, state, attempts, waits_for, error,
    next_attempt_at, received_at, payload
)
"""

_RECEIVED_CHANGED: Final[LiteralString] = """
UPDATE received_events r
SET state = s.state, attempts = s.attempts, waits_for = s.waits_for, error = s.error,
    next_attempt_at = s.next_attempt_at, fact = coalesce(r.fact, s.fact),
    customer_id = coalesce(r.customer_id, s.customer_id), claimed_by = NULL, claimed_until = NULL
FROM json_populate_recordset(NULL::received_events, %(received_changed)s::json) AS s
WHERE r.account = s.account AND r.event_id = s.event_id AND r.created = s.created
"""

_LOOK_AT_TRIALS: Final[LiteralString] = """
UPDATE trial_marks AS t SET look_at = look.at
FROM unnest(%(looked_users)s::text[], %(looked_at)s::timestamptz[]) AS look (user_id, at)
WHERE t.user_id = look.user_id COLLATE "C"
"""

_MAPPING: Final = _insert("user_stripe_mapping", MappingRow)
_FACTS: Final = _insert("facts", FactRow)
_OBJECTS: Final = upsert("provider_objects", ObjectRow, key=("id", "kind"), parameter="provider_objects")
_VERSIONS: Final = upsert("user_versions", VersionRow, key=("user_id",), parameter="user_versions")
_OUTBOX: Final = _insert("outbox", EventRow)
_AUDIT: Final = _insert("audit_log", AuditRow)


@define
class Pending:
    """Rows by table. What is written twice is written once, as it was last."""

    received: dict[tuple[str, str], Received] = field(factory=dict)
    received_changed: dict[tuple[str, str], Received] = field(factory=dict)
    mapping: list[MappingRow] = field(factory=list)
    facts: list[FactRow] = field(factory=list)
    objects: dict[ObjectRef, ObjectRow] = field(factory=dict)
    accounts: AccountChanges = field(factory=AccountChanges)
    versions: dict[str, int] = field(factory=dict)
    outbox: list[EventRow] = field(factory=list)
    audit: list[AuditRow] = field(factory=list)
    #: When the trial claims of which user are to be looked at.
    looks: dict[str, datetime] = field(factory=dict)

    def statements(self) -> list[Statement]:
        """What writes them all, a statement for each table, in the order in which everybody writes.

        That is what came, what it adds up to, what is told of it.
        """
        objects = sorted(self.objects.values(), key=lambda row: (row.kind, row.id))
        versions = [VersionRow(user_id=user_id, version=version) for user_id, version in self.versions.items()]
        changed = [ReceivedRow.of(one) for one in self.received_changed.values()]
        return [
            *self._received(),
            *_of(_RECEIVED_CHANGED, "received_changed", changed),
            *_of(_MAPPING, "user_stripe_mapping", self.mapping),
            *_of(_FACTS, "facts", self.facts),
            *_of(_OBJECTS, "provider_objects", objects),
            *self.accounts.statements(),
            *_of(_VERSIONS, "user_versions", versions),
            *_of(_OUTBOX, "outbox", self.outbox),
            *_of(_AUDIT, "audit_log", self.audit),
            *self._looks(),
        ]

    def _received(self) -> list[Statement]:
        rows = [ReceivedRow.of(one) for one in self.received.values()]
        payloads = [one.payload for one in self.received.values()]
        return [(_RECEIVED, {"received_events": encode_rows(rows), "payloads": payloads})] if rows else []

    def _looks(self) -> list[Statement]:
        looked = {"looked_users": list(self.looks), "looked_at": list(self.looks.values())}
        return [(_LOOK_AT_TRIALS, looked)] if self.looks else []


def _of(statement: LiteralString, parameter: str, rows: Sequence[msgspec.Struct]) -> list[Statement]:
    return [(statement, {parameter: encode_rows(rows)})] if rows else []
