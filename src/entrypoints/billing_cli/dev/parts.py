"""Parts: the children of `billing dev`, each with its lines marked, its end noticed, and stopped before it leaves."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from attrs import Factory, define, field

from billing_bootstrap.dev_services import bound_to_us
from billing_cli.dev.saying import say

__all__ = ["LINES_SHOWN", "Part"]

#: How much of what a part said last is shown when it dies.
LINES_SHOWN = 15

_COLOURS = {"sandbox": "35", "api": "36", "worker": "33"}
_NAME_WIDTH = 8


@define(eq=False)
class Part:
    """One child process, from `start` to `stop`."""

    name: str
    command: Sequence[str]
    write: Callable[[str], object] = say
    #: Whether somebody reads what is shown.
    is_heard: bool = field(default=True, init=False)
    last: deque[str] = field(default=Factory(lambda: deque(maxlen=LINES_SHOWN)), init=False)
    _environment: Mapping[str, str] = field(factory=dict, init=False)
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)
    _pump: asyncio.Task[None] | None = field(default=None, init=False)

    async def start(self, environment: Mapping[str, str]) -> None:
        """Start it with this environment; what it prints is shown line by line."""
        self._environment = environment
        self._process = await asyncio.create_subprocess_exec(
            *bound_to_us(self.command),
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches it through us alone
        )
        self._pump = asyncio.create_task(self._show())

    async def revive(self) -> None:
        """Start it again as it was, after it ended by itself."""
        await self.start(self._environment)

    async def ended(self) -> int:
        """Its exit status, once it has ended and all that it said was shown."""
        if self._process is None or self._pump is None:
            raise RuntimeError(f"{self.name} was not started")
        status = await self._process.wait()
        await asyncio.shield(self._pump)
        return status

    async def stop(self, patience_seconds: float = 15.0) -> None:
        """Ask it to end, wait until it is gone, and insist where it takes too long."""
        if self._process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.returncode is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), patience_seconds)
        if self._pump is not None:
            await self._pump

    async def _show(self) -> None:
        stream = self._process.stdout if self._process else None
        if stream is None:
            return
        while line := await _line_of(stream):
            text = line.decode(errors="replace").rstrip()
            self.last.append(text)
            if not self.is_heard:
                continue  # read on nevertheless: it would wait for us, and could not be stopped
            try:
                self.write(f"{self._mark()} {text}\n")
            except BrokenPipeError:
                self.is_heard = False

    def _mark(self) -> str:
        name = f"{self.name:<{_NAME_WIDTH}}|"
        return f"\033[{_COLOURS.get(self.name, '37')}m{name}\033[0m" if sys.stdout.isatty() else name


async def _line_of(stream: asyncio.StreamReader) -> bytes:
    """The next line; of one that is too long for the buffer, what there is."""
    try:
        return await stream.readuntil(b"\n")
    except asyncio.IncompleteReadError as end:
        return end.partial
    except asyncio.LimitOverrunError as long:
        return await stream.read(long.consumed)
