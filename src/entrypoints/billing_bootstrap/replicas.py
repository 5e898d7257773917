"""Looking at the replica by itself: the pool would quietly read the primary where it is away."""

from __future__ import annotations

import psycopg
from attrs import frozen

from billing_bootstrap.tls_faults import fault_of_database

__all__ = ["ReplicaState", "state_of_replica"]

_CONNECT_SECONDS_MAX = 5
_STATE = """
SELECT pg_is_in_recovery(),
       CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0) END
"""


@frozen(kw_only=True)
class ReplicaState:
    """How a replica is."""

    #: Why it is of no use, in one line; None where it is.
    fault: str | None = None
    #: By how many seconds what it answers is old.
    behind_seconds: float = 0.0


def state_of_replica(url: str) -> ReplicaState:
    """How the server at ``url`` does as a replica. Never raises; takes seconds at most."""
    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_SECONDS_MAX) as connection:
            row = connection.execute(_STATE).fetchone()
    except psycopg.Error as error:
        fault = fault_of_database(url)
        why = f"{fault.found}. {fault.remedy}" if fault else " ".join(str(error).split())
        return ReplicaState(fault=f"cannot be reached: {why}")
    follows, behind = row or (False, 0)
    if not follows:
        return ReplicaState(fault="answers, but follows no primary")
    return ReplicaState(behind_seconds=float(behind))
