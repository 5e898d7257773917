"""Writing: what is written to a client in one turn of the event loop leaves in one piece, and nothing is lost."""

from __future__ import annotations

import asyncio

import pytest

from billing_http.writing import JoinedWrites


class Line(asyncio.Transport):
    """A transport that notes what was asked of it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 4711)})
        self.done: list[bytes | str] = []
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Note it."""
        self.done.append(bytes(data))

    def write_eof(self) -> None:
        """Note it."""
        self.done.append("no more")

    def can_write_eof(self) -> bool:
        """Yes."""
        return True

    def close(self) -> None:
        """Note it."""
        self.done.append("closed")

    def abort(self) -> None:
        """Note it."""
        self.done.append("aborted")

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return "closed" in self.done or "aborted" in self.done

    def get_write_buffer_size(self) -> int:
        """As if nothing was taken."""
        return sum(len(one) for one in self.done if isinstance(one, bytes))

    def is_reading(self) -> bool:
        """Whether it does."""
        return self.reading

    def pause_reading(self) -> None:
        """Read no more."""
        self.reading = False

    def resume_reading(self) -> None:
        """Read again."""
        self.reading = True


@pytest.fixture
def line() -> Line:
    """What leads to the client."""
    return Line()


@pytest.fixture
async def writes(line: Line) -> JoinedWrites:
    """What the server writes to."""
    return JoinedWrites(line, asyncio.get_running_loop())


async def test_what_is_written_in_one_turn_is_one_piece(line: Line, writes: JoinedWrites) -> None:
    writes.write(b"the head, ")
    writes.write(bytearray(b"the body"))
    assert line.done == []
    await asyncio.sleep(0)
    assert line.done == [b"the head, the body"]
    writes.write(b"the next")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert line.done == [b"the head, the body", b"the next"]


async def test_what_may_still_change_when_it_was_written_is_sent_as_it_was(line: Line, writes: JoinedWrites) -> None:
    buffer = bytearray(b"as it was")
    writes.write(buffer)
    buffer[:] = b"changed"
    await asyncio.sleep(0)
    assert line.done == [b"as it was"]


async def test_what_was_written_is_sent_before_the_end(line: Line, writes: JoinedWrites) -> None:
    writes.write(b"an answer")
    writes.write_eof()
    writes.write(b"not sent by anybody, but not lost here")
    writes.close()
    await asyncio.sleep(0)
    assert line.done == [b"an answer", "no more", b"not sent by anybody, but not lost here", "closed"]


async def test_of_what_is_broken_off_nothing_is_sent(line: Line, writes: JoinedWrites) -> None:
    writes.write(b"an answer")
    writes.abort()
    await asyncio.sleep(0)
    assert line.done == ["aborted"]


async def test_to_a_client_that_has_gone_meanwhile_nothing_is_sent(line: Line, writes: JoinedWrites) -> None:
    """The loop closes the line itself then; to write to it is an error on uvloop."""
    writes.write(b"an answer")
    line.abort()
    await asyncio.sleep(0)
    assert line.done == ["aborted"]


async def test_a_long_answer_is_not_kept(line: Line, writes: JoinedWrites) -> None:
    writes.write(b"x" * 60_000)
    assert line.done == []
    writes.write(b"y" * 60_000)
    assert line.done == [b"x" * 60_000 + b"y" * 60_000]
    writes.write(b"z")
    await asyncio.sleep(0)
    assert line.done[1:] == [b"z"]


async def test_how_much_was_not_taken_counts_what_was_just_written(line: Line, writes: JoinedWrites) -> None:
    writes.write(b"1234")
    assert writes.get_write_buffer_size() == 4
    assert line.done == [b"1234"]


async def test_all_else_is_the_other_ones(line: Line, writes: JoinedWrites) -> None:
    assert writes.get_extra_info("peername") == ("127.0.0.1", 4711)
    assert writes.get_extra_info("cipher", "none") == "none"
    assert writes.can_write_eof()
    writes.pause_reading()
    assert (line.reading, writes.is_reading()) == (False, False)
    writes.resume_reading()
    assert (line.reading, writes.is_reading()) == (True, True)
    assert not writes.is_closing()
    writes.close()
    assert writes.is_closing()
