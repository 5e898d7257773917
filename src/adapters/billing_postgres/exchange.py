"""Exchange: several statements in one round trip, by libpq's pipeline mode.

The driver's own pipeline saves the round trips, but not its work for each statement, which is most of what a small one
costs: begin, lock, read, write and commit took 0.7 ms of processor time by cursors, in its pipeline or not, and 0.25 by
what stands here. It is for the few statements of the hot path; all others go through cursors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import cache, partial
from hashlib import sha256
from struct import pack
from typing import Any, Final, LiteralString

import psycopg
from attrs import frozen
from psycopg import AsyncConnection
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import TupleRow
from psycopg.waiting import Ready, Wait

__all__ = ["Connection", "Statement", "Watch", "array"]

#: A statement, and its parameters by the names that it has them under.
Statement = tuple[LiteralString, Mapping[str, object]]
#: What surrounds each statement, by its text, in which no values are: whoever traces.
Watch = Callable[[str], AbstractContextManager[object]]

_PLACEHOLDER: Final = re.compile(r"%\((\w+)\)s|%%")
_TEXT, _BINARY = 0, 1
_FAILED: Final = frozenset({ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED})
_OID_OF_BYTEA: Final = 17
_NUL: Final = "PostgreSQL text fields cannot contain NUL (0x00) bytes"


class Connection(AsyncConnection[TupleRow]):
    """A connection that takes several statements at once, too."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - the driver's own
        super().__init__(*arguments, **options)
        self.watch: Watch = nullcontext
        self._prepared_here: set[bytes] = set()

    async def exchange(self, statements: Sequence[Statement]) -> list[PGresult]:
        """Send all of these together and wait for all answers; one for each.

        Of a statement that fails the error is raised, those before it have run, and those behind it have not. Whatever
        else goes wrong closes the connection, and so does a statement that is not prepared any more. Statements are
        prepared at their first use, unless the connection's ``prepare_threshold`` is None.
        """
        with self.watch(";\n".join(text for text, _ in statements)):
            commands: list[Callable[[], None]] = []
            prepared: dict[int, bytes] = {}  # by the place of the command that does it
            for text, parameters in statements:
                one = _written(text)
                values, formats = one.encoded(parameters)
                if self.prepare_threshold is None:
                    commands.append(partial(self.pgconn.send_query_params, one.text, values, None, formats))
                    continue
                if one.name not in self._prepared_here and one.name not in prepared.values():
                    # Right before its use: read by the server before BEGIN, it would begin a transaction as the
                    # server's defaults have it, and BEGIN may not change that any more.
                    prepared[len(commands)] = one.name
                    commands.append(partial(self.pgconn.send_prepare, one.name, one.text))
                commands.append(partial(self.pgconn.send_query_prepared, one.name, values, formats))
            answers = await self._communicate(commands)
            for place, answer in enumerate(answers):
                if place in prepared and answer.status == ExecStatus.COMMAND_OK:
                    self._prepared_here.add(prepared[place])
            for answer in answers:
                if answer.status in _FAILED:
                    error = error_from_result(answer, self.info.encoding)
                    if isinstance(error, psycopg.errors.InvalidSqlStatementName):
                        self.pgconn.finish()  # somebody has deallocated it: which are left nobody can tell
                    raise error
        return [answer for place, answer in enumerate(answers) if place not in prepared]

    async def _communicate(self, commands: Sequence[Callable[[], None]]) -> list[PGresult]:
        """The answer to each of these."""
        try:
            self.pgconn.enter_pipeline_mode()
            for command in (*commands, self.pgconn.pipeline_sync):
                command()
            answers = await self.wait(_answers(self.pgconn))
            self.pgconn.exit_pipeline_mode()
        except BaseException:
            self.pgconn.finish()  # what else is on its way nobody can tell
            raise
        return answers


def _answers(pgconn: PGconn) -> Generator[Wait, Ready | int | None, list[PGresult]]:
    """All answers until the next synchronisation; written as the driver waits: it yields what it is waiting for."""
    answers: list[PGresult] = []
    while True:
        is_sent = pgconn.flush() == 0
        ready = yield Wait.R if is_sent else Wait.RW
        if ready and ready & Ready.R:  # it is None where the driver asks again after it has canceled a statement
            pgconn.consume_input()  # raises where the connection is lost
            while not pgconn.is_busy():
                answer = pgconn.get_result()
                if answer is None:  # as between any two, and for ever where there is no more to come
                    if pgconn.status == ConnStatus.BAD:
                        raise psycopg.OperationalError("the connection is lost")
                    continue
                if answer.status == ExecStatus.PIPELINE_SYNC:
                    return answers
                answers.append(answer)


@frozen
class _Written:
    """A statement as the server reads it."""

    name: bytes
    text: bytes
    #: Its parameters in the server's order.
    parameters: tuple[str, ...]

    def encoded(self, parameters: Mapping[str, object]) -> tuple[list[bytes | None], list[int]]:
        """The values, each with its format."""
        values = [parameters[name] for name in self.parameters]
        return list(map(_encoded, values)), [_BINARY if _is_bytes(value) else _TEXT for value in values]


@cache
def _written(text: str) -> _Written:
    names = list(dict.fromkeys(name for name in _PLACEHOLDER.findall(text) if name))
    numbered = _PLACEHOLDER.sub(lambda found: f"${names.index(found[1]) + 1}" if found[1] else "%", text).encode()
    return _Written(f"billing_{sha256(numbered).hexdigest()[:16]}".encode(), numbered, tuple(names))


def _is_bytes(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], bytes)


def _encoded(value: object) -> bytes:
    """A parameter as the server reads it: text, or an array of bytes in its binary form."""
    match value:
        case list():
            return _byte_arrays(value) if _is_bytes(value) else array([_text(one) for one in value])
        case _:
            return _whole(_text(value)).encode()


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "t" if value else "f"
        case datetime():
            return value.isoformat()
        case _:
            raise TypeError(f"No parameter of an exchange: {type(value).__name__}.")


def array(values: list[str]) -> bytes:
    """An array of text as the server reads it. Raises `psycopg.DataError` for a NUL in a text, as it ends there.

    Written in one piece: to look at every element by itself costs more, and a batch has hundreds.
    """
    if not values:
        return b"{}"
    joined = "\0".join(values)
    if joined.count("\0") >= len(values):
        raise psycopg.DataError(_NUL)
    escaped = joined.replace("\\", "\\\\").replace('"', '\\"').replace("\0", '","')
    return f'{{"{escaped}"}}'.encode()


def _byte_arrays(values: list[bytes]) -> bytes:
    """PostgreSQL's ``array_recv``: dimensions, whether any is NULL, the type; length and lower bound; the elements."""
    head = pack("!iiIii", 1, 0, _OID_OF_BYTEA, len(values), 1)
    return head + b"".join(part for value in values for part in (pack("!i", len(value)), value))


def _whole(text: str) -> str:
    """The same text: a NUL would end it, so it is refused."""
    if "\0" in text:
        raise psycopg.DataError(_NUL)
    return text
