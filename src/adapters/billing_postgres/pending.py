"""What a unit of work writes behind: rows that wait to be written together, with one statement.

Only a unit of work that was prepared writes behind: it holds the locks of those whom the rows are about, and it has
read what they replace, so it knows everything that the statements of its repositories would have answered.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, LiteralString

from attrs import define, field

from billing_core.domain.facts import ObjectRef
from billing_core.domain.received import Received
from billing_postgres.account_changes import SAVE_ACCOUNTS, AccountChanges
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

#: In the order in which everybody writes: what came, what it adds up to, what is told of it.
_WRITE: Final[LiteralString] = f"""
WITH received_part AS ({_RECEIVED}),
changed_part AS ({_RECEIVED_CHANGED}),
mapping_part AS ({_insert("user_stripe_mapping", MappingRow)}),
facts_part AS ({_insert("facts", FactRow)}),
objects_part AS ({upsert("provider_objects", ObjectRow, key=("id", "kind"), parameter="provider_objects")}),
{", ".join(f"{table}_part AS ({statement})" for table, statement in SAVE_ACCOUNTS.items())},
versions_part AS ({upsert("user_versions", VersionRow, key=("user_id",), parameter="user_versions")}),
outbox_part AS ({_insert("outbox", EventRow)}),
audit_part AS ({_insert("audit_log", AuditRow)}),
trials_part AS ({_LOOK_AT_TRIALS})
SELECT
"""

_NOTHING: Final = "[]"


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
        """What writes them all: one statement, and where rows are gone another one before it."""
        received = [ReceivedRow.of(one) for one in self.received.values()]
        objects = sorted(self.objects.values(), key=lambda row: (row.kind, row.id))
        versions = [VersionRow(user_id=user_id, version=version) for user_id, version in self.versions.items()]
        parameters: dict[str, object] = {
            "received_events": encode_rows(received),
            "payloads": [one.payload for one in self.received.values()],
            "received_changed": encode_rows(ReceivedRow.of(one) for one in self.received_changed.values()),
            "user_stripe_mapping": encode_rows(self.mapping),
            "facts": encode_rows(self.facts),
            "provider_objects": encode_rows(objects),
            "user_versions": encode_rows(versions),
            "outbox": encode_rows(self.outbox),
            "audit_log": encode_rows(self.audit),
            "looked_users": list(self.looks),
            "looked_at": list(self.looks.values()),
        }
        parameters |= dict.fromkeys(SAVE_ACCOUNTS, _NOTHING) | self.accounts.written()
        return [*self.accounts.removal(), (_WRITE, parameters)]
