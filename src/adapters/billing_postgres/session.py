"""A session: one transaction on one connection, with the errors of billing instead of the driver's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import LiteralString

import psycopg
from attrs import define, field
from psycopg import AsyncConnection, AsyncCursor
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from billing_core.domain.errors import StorageUnavailable
from billing_postgres.errors import core_error
from billing_postgres.pool import Pool
from billing_postgres.silence import Silence

__all__ = ["STATEMENT_TIMEOUT_MS", "Session", "Statement", "transaction"]

#: How long one statement may take unless told otherwise.
STATEMENT_TIMEOUT_MS = 5_000

#: Everything is set for the transaction alone, in the same round trip as its beginning. Durable also where the
#: server's default is to lose the last commits in a crash.
_BEGIN = (
    "BEGIN ISOLATION LEVEL READ COMMITTED {mode};"
    " SET LOCAL statement_timeout = {timeout};"
    " SET LOCAL idle_in_transaction_session_timeout = '60s';"
    " SET LOCAL synchronous_commit = on;"
    " SET LOCAL timezone = 'UTC'"
)

Parameters = Mapping[str, object] | Sequence[object]
Statement = tuple[LiteralString, Parameters]


def _nothing() -> list[Statement]:
    return []


@define(eq=False)
class Session:
    """One transaction. After an error, and after `commit`, it can only be ended."""

    _pool: Pool
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS
    #: Nothing is written: a replica will do; and where that is away, this pool.
    otherwise: Pool | None = field(default=None, kw_only=True)
    #: What is written behind: taken, and carried out, before any other statement and before the commit.
    behind: Callable[[], list[Statement]] = field(default=_nothing, init=False)
    _connection: AsyncConnection[TupleRow] | None = field(default=None, init=False)
    _silence: Silence | None = field(default=None, init=False)

    async def begin(self) -> None:
        """Take a connection and begin. Raises `StorageUnavailable`."""
        if self.otherwise is None:
            await self._begin()
            return
        try:
            await self._begin()
        except StorageUnavailable:
            self._pool = self.otherwise
            await self._begin()

    async def _begin(self) -> None:
        try:
            with _translated():
                # One more than there can be broken ones in the pool, as all are when the server has restarted.
                for _ in range(self._pool.max_size):
                    if await self._begins():
                        return
                    await self.end()
                await self._begins(last=True)
        except BaseException:
            await self.end()
            raise

    async def _begins(self, *, last: bool = False) -> bool:
        self._connection = connection = await self._pool.getconn()
        self._silence = silence = Silence(connection)
        silence.expect(0)
        try:
            mode = "READ WRITE" if self.otherwise is None else "READ ONLY"
            begin = _BEGIN.format(mode=mode, timeout=int(self.statement_timeout_ms))
            await connection.execute(begin.encode(), prepare=False)
        except psycopg.OperationalError:
            if last or silence.is_broken or not connection.closed:
                raise
            return False
        return True

    async def commit(self) -> None:
        """Make it permanent. Raises `StorageUnavailable` where it is not known whether it is."""
        connection = self._require()
        with _translated():
            await self._write_behind()
            self._expect()
            answer = await connection.execute(b"COMMIT", prepare=False)
        if answer.statusmessage != "COMMIT":
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
                    await connection.execute(b"ROLLBACK", prepare=False)
        finally:
            if silence is not None:
                silence.stop()
            await self._pool.putconn(connection)

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

    async def _run(self, statement: LiteralString, parameters: Parameters) -> AsyncCursor[TupleRow]:
        self._require()
        await self._write_behind()
        return await self._send(statement, parameters)

    async def _write_behind(self) -> None:
        for statement, parameters in self.behind():
            await self._send(statement, parameters)

    async def _send(self, statement: LiteralString, parameters: Parameters) -> AsyncCursor[TupleRow]:
        """Where every statement passes."""
        self._expect()
        return await self._require().execute(statement, parameters)

    def _expect(self) -> None:
        if self._silence is not None and self.statement_timeout_ms:  # 0 is for whoever waits for ever
            self._silence.expect(self.statement_timeout_ms / 1000)

    def _require(self) -> AsyncConnection[TupleRow]:
        connection = self._connection
        if connection is None or connection.info.transaction_status is TransactionStatus.IDLE:
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
