"""The children of `billing dev`: marked lines, a noticed end, a polite stop, and none that outlives us."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from attrs import define, field

from billing_cli.dev.parts import LINES_SHOWN, Part

PATIENCE_SECONDS = 20.0

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(60)"
)
POLITE = "import time; print('here', flush=True); time.sleep(60)"


@define
class Heard:
    """What the parts said, and that one of them said something."""

    lines: list[str] = field(factory=list)
    something: asyncio.Event = field(factory=asyncio.Event)

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self.something.set()


@asynccontextmanager
async def started(script: str, heard: Heard) -> AsyncIterator[Part]:
    part = Part("api", (sys.executable, "-c", script), heard)
    await part.start(os.environ)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield part
    finally:
        await part.stop(patience_seconds=0.2)


async def test_every_line_is_marked_with_the_part_it_came_from() -> None:
    heard = Heard()
    async with started("import sys; print('one'); print('two', file=sys.stderr)", heard) as part:
        assert await part.ended() == 0

    assert sorted(heard.lines) == ["api     | one\n", "api     | two\n"]


async def test_a_part_that_ends_gives_its_status_and_its_last_lines() -> None:
    script = "import sys\nfor number in range(40): print(number)\nsys.exit(3)"
    async with started(script, Heard()) as part:
        assert await part.ended() == 3

    assert list(part.last) == [str(number) for number in range(40 - LINES_SHOWN, 40)]


async def test_a_line_without_an_end_and_one_without_measure_are_shown_too() -> None:
    heard = Heard()
    script = "import sys; sys.stdout.write('x' * 200_000 + '\\n' + 'no end')"
    async with started(script, heard) as part:
        assert await part.ended() == 0

    assert "".join(heard.lines).count("x") == 200_000
    assert heard.lines[-1] == "api     | no end\n"


async def test_where_nobody_reads_any_more_a_part_is_not_held_up() -> None:
    """As when `tee` was stopped by the same Ctrl-C, a moment before."""

    def unread(_line: str) -> None:
        raise BrokenPipeError

    part = Part("api", (sys.executable, "-c", "for _ in range(50_000): print('a line')"), unread)
    await part.start(os.environ)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await part.ended() == 0
    assert not part.is_heard


def test_ctrl_c_stops_what_nobody_reads_any_more() -> None:
    waiting = (
        "import asyncio\nfrom billing_cli.dev.running import on_signals\n"
        "async def main():\n    stop = asyncio.Event()\n    on_signals(stop)\n    print('here', flush=True)\n"
        "    await stop.wait()\nasyncio.run(main())"
    )
    with subprocess.Popen([sys.executable, "-c", waiting], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        process.stdout.close()
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize("script", [POLITE, STUBBORN], ids=["polite", "stubborn"])
async def test_stopping_ends_it_whether_it_wants_to_or_not(script: str) -> None:
    heard = Heard()
    async with started(script, heard) as part:
        await heard.something.wait()
        await part.stop(patience_seconds=0.2)
        assert await part.ended() in {-signal.SIGTERM, -signal.SIGKILL}


async def test_what_never_started_can_be_stopped() -> None:
    await Part("api", ("true",)).stop()


def test_a_child_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    child = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    parent = (
        "import asyncio, os, sys\nfrom billing_cli.dev.parts import Part\n"
        f"async def main():\n    await Part('x', (sys.executable, '-c', {child!r})).start(os.environ)\n"
        "    await asyncio.sleep(60)\nasyncio.run(main())"
    )
    with subprocess.Popen([sys.executable, "-c", parent]) as process:
        pid = _once_written(note)
        process.kill()
    _gone(pid)


def _once_written(note: Path) -> int:
    for _ in _patiently():
        if note.exists() and (text := note.read_text()):
            return int(text)
    pytest.fail("the child never began")


def _gone(pid: int) -> None:
    """Gone is also what only waits to be collected by a first process that never does."""
    for _ in _patiently():
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":
            return
    pytest.fail(f"{pid} outlived its parent")


def _patiently() -> Iterator[None]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(0.01)
