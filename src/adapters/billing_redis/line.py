"""A line to Redis: one connection for somebody who asks one question after the other, all the time.

What the client does around each command, which is to take a connection from the pool and to be ready to repeat it,
costs the processor several times what the command does.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from typing import Any

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError

__all__ = ["Line"]


class Line:
    """A connection of its own, made like those of a pool when it is needed. One question at a time."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._connection: AbstractConnection | None = None

    async def run(self, script: str, keys: Sequence[str], arguments: Sequence[int]) -> Any:  # noqa: ANN401 - as below
        """What a script answers. Raises what the client raises."""
        given: tuple[str | int, ...] = (len(keys), *keys, *arguments)
        name = sha1(script.encode(), usedforsecurity=False).hexdigest()  # by which the server knows it
        try:
            return await self.ask("EVALSHA", name, *given)
        except NoScriptError:
            return await self.ask("EVAL", script, *given)

    async def ask(self, *command: str | int) -> Any:  # noqa: ANN401 - whatever the command answers
        """The answer to a command. Raises what the client raises."""
        try:
            connection = await self._connected()
            await connection.send_packed_command(connection.pack_command(*command), check_health=False)
            return await connection.read_response()
        except BaseException:
            await self.close()  # what comes late must not be taken for the next answer
            raise

    async def close(self) -> None:
        """Hang up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def _connected(self) -> AbstractConnection:
        connection = self._connection
        if connection is not None and not await connection.can_read():
            return connection
        await self.close()  # the server has closed it, or says something that nobody asked for
        made: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]  # of the library
        self._connection = made
        await made.connect()  # type: ignore[no-untyped-call]  # of the library
        return made
