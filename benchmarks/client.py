"""The load: requests over a fixed number of kept connections of loopback, sent by a process of its own.

Each is sent when the one before is answered; or, with a rate, at a moment of its own, from which its latency is then
counted, so that neither a slow answer nor a pause of the client hides what those behind it waited. The client is a
script of Node (``peers/load.js``), as its timers do not wait for what runs here.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

__all__ = ["Load", "measure"]

_SCRIPT = Path(__file__).parent / "peers" / "load.js"


class Load(msgspec.Struct, frozen=True):
    """What was measured."""

    seconds: float
    #: Milliseconds of each answer, ascending.
    latencies: tuple[float, ...]
    #: Answers of another status than the one that was wanted; a run that has any counts for nothing.
    refused: int
    #: Milliseconds by which the client was late each time that it meant to send something at a moment, ascending.
    pauses: tuple[float, ...] = ()

    @property
    def answers(self) -> int:
        """How many there were, of whatever status."""
        return len(self.latencies)

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds

    def percentile(self, part: float) -> float:
        """Milliseconds within which this part (0 to 1) of the answers came."""
        return _percentile(self.latencies, part)

    def client_late(self, part: float) -> float:
        """Milliseconds by which the client was late at most in this part of what it meant to do at a moment."""
        return _percentile(self.pauses, part)


def _percentile(ascending: tuple[float, ...], part: float) -> float:
    return ascending[min(len(ascending) - 1, int(part * len(ascending)))] if ascending else 0.0


def measure(
    port: int, requests: Iterable[bytes], *, connections: int, status: int = 200, per_second: float | None = None
) -> Load:
    """Send these requests, and wait for every answer.

    Raises `RuntimeError` where a connection is lost, or there is no Node.
    """
    if shutil.which("node") is None:
        raise RuntimeError("Node is not installed: `make bench` and `make soak` do that, or `apt-get install nodejs`.")
    with tempfile.NamedTemporaryFile() as file:
        file.writelines(len(request).to_bytes(4, "big") + request for request in requests)
        file.flush()
        command = ["node", str(_SCRIPT), str(port), file.name, str(connections), str(status), str(per_second or 0)]
        told = subprocess.run(command, capture_output=True, check=False)
    if told.returncode:
        raise RuntimeError(f"The load was broken off: {told.stderr.decode().strip()}")
    return msgspec.json.decode(told.stdout, type=Load)
