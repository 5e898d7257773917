"""The link to Redis: one pool of connections, a breaker, and an eye on which server answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from billing_core.domain.errors import InvalidValue
from billing_redis.breaker import Breaker
from billing_redis.line import Line
from billing_redis.patience import Patience
from billing_redis.sentinels import follow

__all__ = ["FAILURES", "OnFailure", "RedisLink", "Watch", "open_redis"]

#: What surrounds each command, by its name: whoever traces.
Watch = Callable[[str], AbstractContextManager[object]]

#: Who is told of each call that failed, by what it was for: ``cache``, ``rate_limit``, ``publish`` or ``probe``.
OnFailure = Callable[[str], None]

#: What a call may raise where Redis is away, slow or refuses.
FAILURES = (RedisError, OSError)


class _WatchedRedis(Redis):
    """A client each of whose commands is surrounded by what watches it."""

    around: Watch

    async def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as the client itself
        with self.around(str(args[0])):
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # of the library


def _unwatched(_name: str) -> AbstractContextManager[object]:
    return nullcontext()


def _unheard(_use: str) -> None:
    """Nobody wants to know."""


class RedisLink:
    """A pool of connections to one Redis. Nothing connects before the first call; close it with `close`."""

    def __init__(
        self,
        url: str,
        *,
        connections_max: int,
        timeout_seconds: float,
        tls: dict[str, str],
        sentinels: Sequence[tuple[str, int]] = (),
        watch: Watch | None = None,
        on_failure: OnFailure | None = None,
    ) -> None:
        self.breaker = Breaker()
        #: Who is told of each call that failed.
        self.on_failure: OnFailure = on_failure or _unheard
        #: How often a connection was made to another server than the one before: after a restart or a failover.
        self.server_changes = 0
        self._server: str | None = None
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=connections_max,
            # Nobody waits by the clock alone: `patience` is around whatever is asked of Redis.
            timeout=None,
            socket_timeout=None,
            socket_connect_timeout=None,
            # A call fails at once, and is seen to: whoever repeated it silently would hide a failover from the cache.
            retry=Retry(NoBackoff(), 0),
            redis_connect_func=self._greet,
            **tls,
        )
        self._sentinels = follow(pool, sentinels, timeout_seconds) if sentinels else ()
        self._pool = pool
        self._lines: list[Line] = []
        self._timeout_seconds = timeout_seconds
        #: What surrounds commands that are sent together.
        self.watch: Watch = watch or _unwatched
        self.client: Redis = Redis.from_pool(pool)
        if watch is not None:
            watched = cast("_WatchedRedis", _WatchedRedis.from_pool(pool))
            watched.around = watch
            self.client = watched

    def patience(self) -> Patience:
        """How long to wait for an answer, with all that is before it, such as a connection."""
        return Patience(self._timeout_seconds)

    def line(self) -> Line:
        """A connection of its own: for one who asks all the time, and never twice at once."""
        line = Line(self._pool)
        self._lines.append(line)
        return line

    async def probe(self) -> float | None:
        """Milliseconds until Redis answers a ping; None where it does not."""
        begun = time.perf_counter()
        try:
            async with self.patience():
                await self.client.ping()
        except FAILURES:
            self.failed("probe")
            return None
        self.breaker.succeeded()
        return (time.perf_counter() - begun) * 1000

    def failed(self, use: str) -> None:
        """A call for this use failed: whoever wants to know is told, and others wait a moment before they try."""
        self.breaker.failed()
        self.on_failure(use)

    async def close(self) -> None:
        """Close all connections."""
        for line in self._lines:
            await line.close()
        await self.client.aclose()
        for sentinel in self._sentinels:
            await sentinel.aclose()

    async def _greet(self, connection: AbstractConnection) -> None:
        """Begin a connection, and find out which server it leads to."""
        await connection.on_connect()
        try:
            await connection.send_command("INFO", "server")
            server = _run_id(await connection.read_response())
        except ResponseError:
            server = None  # an account without the right to ask: any new connection may be to another server
        if self._server is not None and server != self._server:
            self.server_changes += 1
        self._server = server or "unknown"


def _run_id(info: object) -> str | None:
    text = info.decode() if isinstance(info, bytes) else str(info)
    lines = dict(line.partition(":")[::2] for line in text.splitlines())
    return lines.get("run_id")


def open_redis(
    url: str,
    *,
    connections_max: int = 16,
    timeout_seconds: float = 0.25,
    sentinels: Sequence[tuple[str, int]] = (),
    ca_file: Path | None = None,
    certificate_file: Path | None = None,
    key_file: Path | None = None,
    watch: Watch | None = None,
    on_failure: OnFailure | None = None,
) -> RedisLink:
    """A link to the Redis at ``url``.

    Args:
        url: ``redis://[[user]:password@]host[:port][/database]``, ``rediss://…`` for TLS, or ``unix://path``.
        sentinels: host and port of each Redis Sentinel; the host in ``url`` is then the name under which they know
            the primary, and every new connection leads to what is the primary at that moment.
        connections_max: how many connections at most; whoever finds all of them busy waits for one.
        timeout_seconds: for whatever is asked, with connecting, as long as this process is awake. What is kept in Redis
            may be lost, so nobody waits long.
        ca_file: with TLS, the certificates of those who may vouch for the server; the system's unless given.
        certificate_file: with TLS, our own certificate, where the server asks for one.
        key_file: its key.
        watch: what surrounds each command.
        on_failure: who is told of each call that failed.

    Raises:
        InvalidValue: certificates for a URL without TLS.
    """
    files = {"ssl_ca_certs": ca_file, "ssl_certfile": certificate_file, "ssl_keyfile": key_file}
    tls = {option: str(file) for option, file in files.items() if file is not None}
    if tls and not url.startswith("rediss://"):
        raise InvalidValue("Certificates are for TLS: the URL of Redis then begins with rediss://.", field="url")
    return RedisLink(
        url,
        connections_max=connections_max,
        timeout_seconds=timeout_seconds,
        tls=tls,
        sentinels=sentinels,
        watch=watch,
        on_failure=on_failure,
    )
