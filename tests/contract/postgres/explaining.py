"""Statements of ours as PostgreSQL would carry them out: each is explained before it runs."""

import json
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, LiteralString

from attrs import define
from psycopg import AsyncCursor
from psycopg.pq.abc import PGresult
from psycopg.rows import TupleRow

from billing_postgres.exchange import Statement
from billing_postgres.session import Parameters, Session

__all__ = ["ExplainingSession"]


@define(eq=False)
class ExplainingSession(Session):
    """Has each statement explained before it runs it."""

    @abstractmethod
    def explained(self, statement: str, plan: dict[str, Any]) -> None:
        """Told of each statement before it runs."""

    async def _send(self, statement: LiteralString, parameters: Parameters) -> AsyncCursor[TupleRow]:
        await self._explain(statement, parameters)
        return await super()._send(statement, parameters)

    async def _exchange(self, statements: Sequence[Statement]) -> list[PGresult]:
        if not statements:
            return await super()._exchange(statements)
        answers = []
        for statement, parameters in statements:  # one by one, as what one sets the next one is planned by
            if statement != "COMMIT":
                await self._explain(statement, parameters)
            answers += await super()._exchange([(statement, parameters)])
        return answers

    async def _explain(self, statement: LiteralString, parameters: Parameters) -> None:
        explained = await super()._send(f"EXPLAIN (FORMAT JSON, VERBOSE) {statement}", parameters)
        for (plan,) in await explained.fetchall():
            self.explained(statement, json.loads(plan)[0]["Plan"])
