"""The ports that PostgreSQL keeps."""

from billing_postgres.clock import business_offset, set_business_offset
from billing_postgres.housekeeping import Expired, expire, make_partitions, ping, unpublished_since
from billing_postgres.pool import Pool, PoolUse, open_pool, use_of
from billing_postgres.unit_of_work import PostgresUnitOfWork, PostgresUnitsOfWork

__all__ = [
    "Expired",
    "Pool",
    "PoolUse",
    "PostgresUnitOfWork",
    "PostgresUnitsOfWork",
    "business_offset",
    "expire",
    "make_partitions",
    "open_pool",
    "ping",
    "set_business_offset",
    "unpublished_since",
    "use_of",
]
