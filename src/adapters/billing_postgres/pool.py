"""The pool of connections. Nothing that is set on a connection outlives a transaction, so PgBouncer may sit between."""

from __future__ import annotations

from typing import Any, Self

import psycopg
from attrs import frozen
from psycopg import AsyncCursor
from psycopg.abc import Buffer, Params, Query
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg.types.array import ListDumper
from psycopg_pool import AsyncConnectionPool

from billing_core.domain.errors import InvalidValue
from billing_postgres.exchange import Connection, Watch, array
from billing_postgres.outage import Outage

__all__ = ["Pool", "PoolUse", "open_pool", "use_of"]

#: libpq's own, in seconds but for the last, in milliseconds: a server that vanished is noticed within a minute.
#: What a URL says of them itself is what holds.
_KEEPALIVE = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


class Pool(AsyncConnectionPool[Connection]):
    """The driver's pool; but nobody waits in it for a database that is away."""

    def __init__(self, url: str, watch: Watch | None = None, **options: Any) -> None:  # noqa: ANN401 - the driver's own
        self._outage = Outage()
        self._watch = watch
        super().__init__(
            url,
            connection_class=Connection,
            configure=self._connected,
            # It gives up at once, and begins anew when somebody asks: its own pauses double, up to minutes.
            reconnect_timeout=0,
            reconnect_failed=self._not_connected,
            **options,
        )

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 - the driver's own
        """Take a connection. Raises `psycopg.OperationalError` at once while the database is away."""
        async with self._outage.waiting():
            return await super().getconn(timeout)

    async def _connected(self, connection: Connection) -> None:
        if self._watch is not None:
            connection.watch = self._watch
            connection.cursor_factory = _watched_by(self._watch)
        for kind in ("json", "jsonb"):
            connection.adapters.register_loader(kind, _RawJson)
        connection.adapters.register_dumper(list, _Arrays)
        self._outage.ends()

    def _not_connected(self, _: AsyncConnectionPool[Any]) -> None:
        if self.get_stats()["pool_size"] == 0:  # else there are some yet, and they come back to whoever waits
            self._outage.begins()


async def open_pool(
    url: str,
    *,
    connections_min: int = 1,
    connections_max: int = 8,
    wait_seconds: float = 2.0,
    prepare_threshold: int | None = 5,
    application_name: str = "billing",
    watch: Watch | None = None,
) -> Pool:
    """A pool that connects in the background: it opens also while the database is away. Close it with ``close()``.

    Args:
        url: a URL or libpq's ``key=value`` pairs; TLS is asked for by libpq's own ``sslmode``, ``sslrootcert`` …
        connections_min: how many are kept while there is nothing to do.
        connections_max: more than the server has cores only make each other wait.
        wait_seconds: how long a unit of work waits for a free one before it raises `StorageUnavailable`; while the
            database is away it raises at once, and looks again twice a second.
        prepare_threshold: after how many uses a statement is prepared; None for never, which a PgBouncer before
            1.21 in transaction mode needs.
        application_name: what the server calls these connections.
        watch: what surrounds each statement.

    Raises:
        InvalidValue: a URL that libpq cannot read.
    """
    pool = Pool(
        url,
        open=False,
        min_size=connections_min,
        max_size=connections_max,
        timeout=wait_seconds,
        name=application_name,
        watch=watch,
        kwargs={
            "autocommit": True,  # the session begins and ends transactions itself
            "prepare_threshold": prepare_threshold,
            "application_name": application_name,
            **_keepalive_of(url),
        },
    )
    await pool.open(wait=False)
    return pool


def _keepalive_of(url: str) -> dict[str, int]:
    try:
        said = conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # its message may repeat a part of a password
        raise InvalidValue("It is neither a postgresql:// URL nor libpq's key=value pairs.", field="url") from None
    return {name: value for name, value in _KEEPALIVE.items() if name not in said}


@frozen(kw_only=True)
class PoolUse:
    """How a pool is used at a moment."""

    #: Connections that somebody works with, and those that wait to be taken.
    used: int
    idle: int
    #: How many wait for a connection.
    waiting: int


def use_of(pool: Pool) -> PoolUse:
    """How the pool is used now."""
    stats = pool.get_stats()
    size, idle = stats.get("pool_size", 0), stats.get("pool_available", 0)
    return PoolUse(used=size - idle, idle=idle, waiting=stats.get("requests_waiting", 0))


def _watched_by(watch: Watch) -> type[AsyncCursor[TupleRow]]:
    class Watched(AsyncCursor[TupleRow]):
        async def execute(self, query: Query, params: Params | None = None, **options: Any) -> Self:  # noqa: ANN401 - the driver's own
            text = query.decode() if isinstance(query, bytes) else str(query)
            with watch(text):
                return await super().execute(query, params, **options)  # type: ignore[arg-type]  # either overload

    return Watched


class _Arrays(ListDumper):
    """Arrays of text as an exchange writes them; all others as the driver does."""

    def dump(self, obj: list[Any]) -> Buffer | None:
        try:
            return array(obj)
        except TypeError:  # of something else than text
            return super().dump(obj)


class _RawJson(Loader):
    """JSON as it came: whoever asked for it knows into which class to read it."""

    def load(self, data: Buffer) -> bytes:
        return bytes(data)
