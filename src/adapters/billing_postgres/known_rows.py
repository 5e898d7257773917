"""Known rows: what this process has read before, which the server need not tell again.

From one event of a customer to the next nearly all rows are as they were. Each is known by its version: its key, which
transaction wrote it, and when that began. The server itself sets the last two whenever it writes a row, so there is
nothing for anybody to count up; and it is the server that compares, so what is read is as it was last committed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, LiteralString, TypeVar

import msgspec
from attrs import define, field

from billing_postgres.encoding import encode

__all__ = ["KnownRows", "Reading", "Told", "told_rows"]

V = TypeVar("V")

#: How many a process keeps: 2 to 4 kB each.
ROWS_MAX: Final = 16_384


#: Rows of one table: the version of each, with the row itself where that is not known.
Told = list[tuple[str, msgspec.Raw]]


def told_rows(table: LiteralString, key: LiteralString, which: LiteralString) -> LiteralString:
    """Rows ``r`` of a table as `Told`: those of which the condition ``which`` holds.

    By the transaction's number alone a row could be taken for one that was lost with a server that failed, as numbers
    are given again then; by the time alone for one that another transaction wrote at that moment. What the statement
    knows is its parameter ``known_rows`` (`Reading.parameter`).
    """
    return f"""ARRAY(
    SELECT json_build_array(version, CASE WHEN NOT %(known_rows)s::jsonb ? version THEN to_json(told.r) END)
    FROM (
        SELECT r, concat_ws(' ', '{table}', {key}, r.xmin, r.updated_at) AS version FROM {table} r WHERE {which}
        OFFSET 0
    ) AS told
)"""  # noqa: S608 - parts of statements of this package


@define
class Reading:
    """One reading: what is known when it begins, and what it finds."""

    _known: Mapping[str, object] = field(factory=dict)
    #: What was found, by version.
    found: dict[str, object] = field(factory=dict, init=False)

    def parameter(self) -> str:
        """What is known, as the statement takes it."""
        return encode(dict.fromkeys(self._known, True))

    def values(self, told: Told, read: Callable[[msgspec.Raw], V]) -> list[V]:
        """What the rows hold: the very same values as long as the rows are the same, so none that could be changed."""
        found: dict[str, Any] = {
            version: self._known[version] if version in self._known else read(row) for version, row in told
        }
        self.found.update(found)
        return list(found.values())


@define(eq=False)
class KnownRows:
    """What is known of those customers, and their users, who were last at work with."""

    _of_customer: OrderedDict[str, dict[str, object]] = field(factory=OrderedDict, init=False)
    _count: int = field(default=0, init=False)

    def reading(self, customers: Collection[str]) -> Reading:
        """A reading of what these have, as far as they are named."""
        known = (self._of_customer.get(customer_id, {}) for customer_id in customers)
        return Reading({version: value for rows in known for version, value in rows.items()})

    def learn(self, reading: Reading, customer_of: Callable[[Any], str | None]) -> None:
        """What was found is known from now on, and nothing else of the same customers."""
        by_customer: dict[str, dict[str, object]] = {}
        for version, value in reading.found.items():
            customer_id = customer_of(value)
            if customer_id is not None:
                by_customer.setdefault(customer_id, {})[version] = value
        for customer_id, rows in by_customer.items():
            self._count += len(rows) - len(self._of_customer.pop(customer_id, ()))
            self._of_customer[customer_id] = rows
        while self._count > ROWS_MAX:
            self._count -= len(self._of_customer.popitem(last=False)[1])
