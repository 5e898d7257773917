"""Redis Sentinel: every new connection leads to whatever is the primary at that moment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from redis.asyncio import BlockingConnectionPool, Redis, Sentinel
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.sentinel import MasterNotFoundError

__all__ = ["follow"]


def follow(
    pool: BlockingConnectionPool, sentinels: Sequence[tuple[str, int]], timeout_seconds: float
) -> Sequence[Redis]:
    """Let the pool's connections lead to the primary that the sentinels name like the host of the pool's URL.

    A connection that is there already goes on until it breaks: Sentinel closes those to a primary that it demotes.
    Returns the clients that ask the sentinels, for whoever closes the pool to close them too.
    """
    waits = {"socket_timeout": timeout_seconds, "socket_connect_timeout": timeout_seconds}
    at_once = waits | {"retry": Retry(NoBackoff(), 0)}
    asked = [Sentinel([one], sentinel_kwargs=at_once) for one in sentinels]  # type: ignore[no-untyped-call]  # of the library
    name: str = pool.connection_kwargs["host"]
    plain: type[AbstractConnection] = pool.connection_class

    class Following(plain):  # type: ignore[misc, valid-type]  # with TLS or without, as the URL says
        async def _connect(self) -> None:
            self.host, self.port = await _primary(asked, name)
            await super()._connect()

    pool.connection_class = Following
    return [client for one in asked for client in one.sentinels]


async def _primary(asked: Sequence[Sentinel], name: str) -> tuple[str, int]:
    """Host and port of the primary, as the first sentinel says that answers.

    All are asked at once: the machine that is gone is often that of the primary and of a sentinel, and whoever asked
    one after the other would wait for it until there is no time left for those that know.
    Raises `MasterNotFoundError` where none knows.
    """
    questions = [asyncio.ensure_future(one.discover_master(name)) for one in asked]
    try:
        for answered in asyncio.as_completed(questions):
            try:
                host, port = await answered
            except (RedisError, OSError):
                continue
            return host, port
    finally:
        for question in questions:
            question.cancel()
        await asyncio.gather(*questions, return_exceptions=True)
    raise MasterNotFoundError(f"None of {len(asked)} sentinels knows a primary {name!r} that is up.")
