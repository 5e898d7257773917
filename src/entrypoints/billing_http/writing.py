"""Writing: what is written to a client in one turn of the event loop leaves in one piece.

The server writes the head of an answer and then its body, and each would be a call of the system and a packet, which
is a good part of what a small answer costs.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

__all__ = ["JoinedWrites"]

#: More than this is not kept until the turn ends.
_BYTES_MAX: Final = 64 * 1024


class JoinedWrites(asyncio.Transport):
    """A transport that keeps what is written until its turn of the loop ends; all else it leaves to another one."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._kept: list[bytes] = []
        self._kept_bytes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send this with what else is written in this turn."""
        if not self._kept:
            self._loop.call_soon(self._flush)
        self._kept.append(bytes(data))
        self._kept_bytes += len(data)
        if self._kept_bytes > _BYTES_MAX:
            self._flush()

    def write_eof(self) -> None:
        """Send no more."""
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        """Close, once what was written is sent."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._kept, self._kept_bytes = [], 0
        self._transport.abort()

    def get_write_buffer_size(self) -> int:
        """How much was not taken by the client yet."""
        self._flush()
        return self._transport.get_write_buffer_size()

    def can_write_eof(self) -> bool:
        """As the other one."""
        return self._transport.can_write_eof()

    def is_closing(self) -> bool:
        """As the other one."""
        return self._transport.is_closing()

    def is_reading(self) -> bool:
        """As the other one."""
        return self._transport.is_reading()

    def pause_reading(self) -> None:
        """As the other one."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """As the other one."""
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as the other one
        """As the other one."""
        return self._transport.get_extra_info(name, default)

    def _flush(self) -> None:
        if self._kept:
            kept, self._kept, self._kept_bytes = b"".join(self._kept), [], 0
            if not self._transport.is_closing():  # the client may have gone since it was written
                self._transport.write(kept)
