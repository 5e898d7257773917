"""Redis Sentinel: every new connection leads to whatever is the primary at that moment."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import BlockingConnectionPool, Redis, Sentinel
from redis.asyncio.connection import AbstractConnection

__all__ = ["follow"]


def follow(
    pool: BlockingConnectionPool, sentinels: Sequence[tuple[str, int]], timeout_seconds: float
) -> Sequence[Redis]:
    """Let the pool's connections lead to the primary that the sentinels name like the host of the pool's URL.

    A connection that is there already goes on until it breaks: Sentinel closes those to a primary that it demotes.
    Returns the clients that ask the sentinels, for whoever closes the pool to close them too.
    """
    waits = {"socket_timeout": timeout_seconds, "socket_connect_timeout": timeout_seconds}
    asked = Sentinel(sentinels, **waits)  # type: ignore[no-untyped-call]  # of the library
    name: str = pool.connection_kwargs["host"]
    plain: type[AbstractConnection] = pool.connection_class

    class Following(plain):  # type: ignore[misc, valid-type]  # with TLS or without, as the URL says
        async def _connect(self) -> None:
            self.host, self.port = await asked.discover_master(name)
            await super()._connect()

    pool.connection_class = Following
    clients: list[Redis] = asked.sentinels
    return clients
