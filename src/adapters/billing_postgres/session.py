"""A session: one transaction on one connection, with the errors of billing instead of the driver's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, LiteralString

import psycopg
from attrs import define, field
from psycopg import AsyncCursor
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.rows import TupleRow

from billing_core.domain.errors import StorageUnavailable
from billing_postgres.errors import core_error
from billing_postgres.exchange import Connection, Statement
from billing_postgres.pool import Pool
from billing_postgres.silence import Silence

__all__ = ["STATEMENT_TIMEOUT_MS", "Session", "transaction"]

#: How long one statement may take unless told otherwise.
STATEMENT_TIMEOUT_MS = 5_000
#: How long a connection to a replica is waited for, as the primary can be read at once.
REPLICA_WAIT_SECONDS = 0.25

#: Everything is set for the transaction alone, in the same round trip as its beginning. Durable also where the
#: server's default is to lose the last commits in a crash.
_BEGIN: Final[LiteralString] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_BEGIN_READING: Final[LiteralString] = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"
_SETTINGS: Final[LiteralString] = """
SELECT set_config('statement_timeout', %(statement_timeout)s, true),
    set_config('idle_in_transaction_session_timeout', '60s', true),
    set_config('synchronous_commit', 'on', true), set_config('timezone', 'UTC', true)
"""
_COMMIT: Final[LiteralString] = "COMMIT"
_ROLLBACK: Final[LiteralString] = "ROLLBACK"

Parameters = Mapping[str, object] | Sequence[object]


def _nothing() -> list[Statement]:
    return []


@define(eq=False)
class Session:
    """One transaction, begun by its first statement. After an error, and after `commit`, it can only be ended."""

    _pool: Pool
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS
    #: Nothing is written: a replica will do; and where that is away, this pool.
    otherwise: Pool | None = field(default=None, kw_only=True)
    #: What is written behind: taken, and carried out, before any other statement and before the commit.
    behind: Callable[[], list[Statement]] = field(default=_nothing, init=False)
    _connection: Connection | None = field(default=None, init=False)
    _silence: Silence | None = field(default=None, init=False)
    _is_begun: bool = field(default=False, init=False)

    @property
    def is_begun(self) -> bool:
        """Whether a statement was sent already."""
        return self._is_begun

    async def begin(self) -> None:
        """Take a connection. Raises `StorageUnavailable`."""
        try:
            await self._take()
        except StorageUnavailable:
            if not await self._turn():
                raise

    async def commit(self) -> None:
        """Make it permanent. Raises `StorageUnavailable` where it is not known whether it is."""
        connection = self._require()
        with _translated():
            statements = self.behind()
            if not self._is_begun:
                await self._exchange(())  # by itself: what is repeated on another connection may hold no commit
            *_, answer = await self._exchange([*statements, (_COMMIT, {})])
        if answer.command_status != b"COMMIT" or connection.info.transaction_status is not TransactionStatus.IDLE:
            raise RuntimeError("A statement of this transaction failed before; nothing of it was committed.")

    async def end(self) -> None:
        """Give the connection back; what was not committed is undone."""
        connection, self._connection = self._connection, None
        silence, self._silence = self._silence, None
        if connection is None:
            return
        try:
            if connection.info.transaction_status is not TransactionStatus.IDLE:
                if silence is not None:
                    silence.expect(0)
                with suppress(psycopg.Error):  # then the connection is broken, and the server undoes it by itself
                    await connection.exchange([(_ROLLBACK, {})])  # the driver would forget all it has prepared
        finally:
            if silence is not None:
                silence.stop()
            await self._pool.putconn(connection)
            if silence is not None and silence.is_broken:
                await self._pool.drain()  # those that lie there may be gone likewise, each for whoever takes it

    async def execute(self, statement: LiteralString, parameters: Parameters = ()) -> int:
        """Run a statement; how many rows it wrote."""
        with _translated():
            return (await self._run(statement, parameters)).rowcount

    async def rows(self, statement: LiteralString, parameters: Parameters = ()) -> list[TupleRow]:
        """Run a statement; all rows that it answers with."""
        with _translated():
            return await (await self._run(statement, parameters)).fetchall()

    async def row(self, statement: LiteralString, parameters: Parameters = ()) -> TupleRow | None:
        """Run a statement; the first row that it answers with."""
        with _translated():
            return await (await self._run(statement, parameters)).fetchone()

    async def carry_out(self, statements: Sequence[Statement]) -> None:
        """Run these in one round trip."""
        with _translated():
            await self._write_behind()
            if statements:
                await self._exchange(statements)

    async def values(self, statements: Sequence[Statement]) -> list[bytes]:
        """Run these in one round trip; the first value that each answers with, as text."""
        with _translated():
            await self._write_behind()
            return [answer.get_value(0, 0) or b"" for answer in await self._exchange(statements)]

    async def _run(self, statement: LiteralString, parameters: Parameters) -> AsyncCursor[TupleRow]:
        await self._write_behind()
        return await self._send(statement, parameters)

    async def _write_behind(self) -> None:
        statements = self.behind()
        if statements:
            await self._exchange(statements)

    async def _send(self, statement: LiteralString, parameters: Parameters) -> AsyncCursor[TupleRow]:
        """Where every statement passes that goes alone."""
        if not self._is_begun:
            await self._exchange(())
        connection = self._require()
        self._expect()
        return await connection.execute(statement, parameters)

    async def _exchange(self, statements: Sequence[Statement]) -> list[PGresult]:
        """Where all statements pass that go together."""
        self._require()
        if self._is_begun:
            self._expect()
            return await self._require().exchange(statements)
        try:
            return await self._first(statements)
        except (psycopg.OperationalError, StorageUnavailable):  # it broke, and no other one could be had
            if not await self._turn():
                raise
            return await self._first(statements)

    async def _first(self, statements: Sequence[Statement]) -> list[PGresult]:
        """Begin, and run these; on another connection where the one that was taken turns out to be broken."""
        begin: Statement = (_BEGIN if self.otherwise is None else _BEGIN_READING), {}
        settings: Statement = _SETTINGS, {"statement_timeout": str(self.statement_timeout_ms)}
        # There can be as many broken ones in the pool as it holds: all are, when the server has restarted.
        for _ in range(self._pool.max_size):
            try:
                return await self._begins([begin, settings, *statements])
            except psycopg.Error:
                silence = self._silence
                if not self._require().closed or (silence is not None and silence.is_broken):
                    raise
            await self.end()
            await self._take()
        return await self._begins([begin, settings, *statements])

    async def _begins(self, statements: Sequence[Statement]) -> list[PGresult]:
        self._expect()
        _, _, *answers = await self._require().exchange(statements)
        self._is_begun = True
        return answers

    async def _take(self) -> None:
        can_turn = self.otherwise not in {None, self._pool}
        with _translated():
            self._connection = connection = await self._pool.getconn(REPLICA_WAIT_SECONDS if can_turn else None)
            self._silence = Silence(connection)

    async def _turn(self) -> bool:
        """Take a connection of the other pool; whether there is one to turn to."""
        if self.otherwise in {None, self._pool}:
            return False
        await self.end()
        self._pool = self.otherwise
        await self._take()
        return True

    def _expect(self) -> None:
        if self._silence is not None and self.statement_timeout_ms:  # 0 is for whoever waits for ever
            self._silence.expect(self.statement_timeout_ms / 1000)

    def _require(self) -> Connection:
        connection = self._connection
        idle = TransactionStatus.IDLE
        if connection is None or (self._is_begun and connection.info.transaction_status is idle):
            raise RuntimeError("Not inside a transaction: it has not begun, or it was committed already.")
        return connection


class _translated:  # noqa: N801 - reads as a phrase where it is used, as contextlib's own do
    """Driver errors leave as errors of billing; what is a mistake of ours leaves as it is, but for what it quotes."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, psycopg.Error):
            if error.diag.message_primary:  # the rest repeats whole rows, which belong in no log and in no dead letter
                error.args = (error.diag.message_primary,)
            found = core_error(error)
            if found is not None:
                raise found from error


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Session]:
    """A transaction of a statement or two, committed unless an error leaves it."""
    session = Session(pool)
    try:
        await session.begin()
        yield session
        await session.commit()
    finally:
        await session.end()
