"""What PostgreSQL and its driver report, in the words of billing: one table, by constraint and by SQLSTATE."""

from __future__ import annotations

import re
from typing import Final

import psycopg
import psycopg_pool

from billing_core.domain.errors import (
    AlreadyOwned,
    BillingError,
    ConcurrentChange,
    InvalidValue,
    LockTimeout,
    MappingConflict,
    SchemaMismatch,
    StorageDenied,
    StorageUnavailable,
)

__all__ = ["BY_CONSTRAINT", "BY_SQLSTATE", "DRIVER_ERRORS", "core_error"]

BY_CONSTRAINT: Final[dict[str, type[BillingError]]] = {
    "purchases_one_holder": AlreadyOwned,
    # Another process took in the same event at the same moment.
    "received_events_stored_once": ConcurrentChange,
    "facts_known_once": ConcurrentChange,
    "user_stripe_mapping_pkey": MappingConflict,
    "user_stripe_mapping_customer_has_one_user": MappingConflict,
}

#: By the whole code, else by its class, the first two characters (PostgreSQL, "Appendix A. Error Codes").
BY_SQLSTATE: Final[dict[str, type[BillingError]]] = {
    "55P03": LockTimeout,  # lock_timeout passed
    "40001": ConcurrentChange,  # serialization_failure
    "40P01": ConcurrentChange,  # deadlock_detected
    "22021": InvalidValue,  # character_not_in_repertoire: a NUL in text
    "22P05": InvalidValue,  # untranslatable_character: a NUL in jsonb
    "25006": StorageUnavailable,  # read_only_sql_transaction: after a failover we still talk to the old primary
    "25P03": StorageUnavailable,  # idle_in_transaction_session_timeout
    "25P04": StorageUnavailable,  # transaction_timeout
    "3D000": StorageUnavailable,  # invalid_catalog_name: the database is being restored
    "42501": StorageDenied,  # insufficient_privilege: the statements of docs/how-to/service-role.sql were not run again
    "42703": SchemaMismatch,  # undefined_column
    "42883": SchemaMismatch,  # undefined_function
    "42P01": SchemaMismatch,  # undefined_table
    "42P10": SchemaMismatch,  # invalid_column_reference: ON CONFLICT names a key that is another one by now
    "08": StorageUnavailable,  # the connection
    "53": StorageUnavailable,  # too many connections, disk full, out of memory
    "57": StorageUnavailable,  # statement_timeout, shutdown, start-up
    "58": StorageUnavailable,  # the operating system
}

#: What the driver raises by itself, without a code from the server.
DRIVER_ERRORS: Final[tuple[tuple[type[Exception], type[BillingError]], ...]] = (
    (psycopg_pool.PoolTimeout, StorageUnavailable),
    (psycopg_pool.PoolClosed, StorageUnavailable),
    (psycopg_pool.TooManyRequests, StorageUnavailable),
    (psycopg.OperationalError, StorageUnavailable),
    (psycopg.InterfaceError, StorageUnavailable),  # the connection broke before
    (psycopg.DataError, InvalidValue),  # a NUL in text
)


_NONE_FREE: Final = "No connection to it became free in time: all are in use, or it does not answer."

_RIGHTS: Final = "docs/how-to/service-role.sql gives its role all rights that it needs."

#: What the name of a partition's constraint has after that of its table's.
_OF_PARTITION: Final = re.compile(r"_(first|default|y\d{4}[mw]\d{2})$")


def core_error(error: psycopg.Error) -> BillingError | None:
    """What ``error`` means in billing; None for what can only be a mistake in a statement of ours."""
    found = BY_CONSTRAINT.get(_OF_PARTITION.sub("", error.diag.constraint_name or ""))
    if found is None and error.sqlstate is not None:
        found = BY_SQLSTATE.get(error.sqlstate) or BY_SQLSTATE.get(error.sqlstate[:2])
    elif found is None:
        found = next((known for kind, known in DRIVER_ERRORS if isinstance(error, kind)), None)
    # For the log: what is not there, full, denied or not free. Whoever asked over HTTP is told the docstring alone.
    if found is StorageDenied:
        return found(f"{found.__doc__} {_RIGHTS} PostgreSQL says: {error.diag.message_primary}.")
    if found in {SchemaMismatch, StorageUnavailable} and error.diag.message_primary:
        return found(f"{found.__doc__} PostgreSQL says: {error.diag.message_primary}.")
    if isinstance(error, psycopg_pool.PoolTimeout):
        return StorageUnavailable(f"{StorageUnavailable.__doc__} {_NONE_FREE}")
    return found() if found else None
