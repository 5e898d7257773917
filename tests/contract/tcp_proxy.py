"""A way to a server, such as PostgreSQL or Redis, that tests can cut, mend and turn to another one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from attrs import define, field


@define
class TcpProxy:
    """Forwards bytes to a server; counts the connections that were asked of it."""

    #: Where the next connection leads.
    target: str
    url: str = ""
    connections: int = 0
    is_cut: bool = False
    is_stalled: bool = False
    #: So many of the connections that were asked of it, the first ones, are lost.
    lost: int = 0
    _writers: set[asyncio.StreamWriter] = field(factory=set)

    async def cut(self) -> None:
        """From now on connections are accepted and closed at once."""
        self.is_cut = True
        await self.drop()

    def stall(self) -> None:
        """From now on nothing comes through, on old connections and new ones; none is closed."""
        self.is_stalled = True

    def lose(self) -> None:
        """From now on nothing comes through on the connections that there are; new ones are as before."""
        self.lost = self.connections

    def mend(self) -> None:
        """Let everything through again; what came while it was stalled is never answered."""
        self.is_cut = self.is_stalled = False

    async def drop(self) -> None:
        """Close what is connected."""
        for writer in list(self._writers):
            await _close(writer)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        number = self.connections
        if self.is_cut:
            await _close(writer)
            return
        parts = urlsplit(self.target)
        there, back = await asyncio.open_connection(parts.hostname, parts.port)
        self._writers |= {writer, back}
        await asyncio.gather(self._forward(number, reader, back), self._forward(number, there, writer))
        self._writers -= {writer, back}

    async def _forward(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while (data := await reader.read(65536)) and not self.is_stalled and number > self.lost:
                writer.write(data)
                await writer.drain()
            while data and await reader.read(65536):  # it gets lost
                pass
        await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def tcp_proxy(target: str) -> AsyncIterator[TcpProxy]:
    """A proxy in front of the server at this URL, on a free port of loopback."""
    proxy = TcpProxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    parts = urlsplit(target)
    credentials = "".join(parts.netloc.rpartition("@")[:2])
    proxy.url = parts._replace(netloc=f"{credentials}127.0.0.1:{server.sockets[0].getsockname()[1]}").geturl()
    try:
        yield proxy
    finally:
        server.close()
        await proxy.drop()
