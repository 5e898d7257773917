"""What is due when: one queue of timers for each clock, emptied in order of time."""

import heapq
from typing import NamedTuple

from attrs import define, field


class Timer(NamedTuple):
    """Something to do at a moment: the name of an action, and the object it concerns. Sorts by moment and number."""

    due: int
    number: int
    action: str
    object_id: str


@define
class Timers:
    """All timers by clock. The main clock is the empty string; every test clock has its own queue."""

    _queues: dict[str, list[Timer]] = field(factory=dict)
    _numbers: int = 0

    def add(self, clock: str, due: int, action: str, object_id: str) -> None:
        """Ask for `action` at `due`. Timers due at one moment run in the order in which they were added."""
        self._numbers += 1
        heapq.heappush(self._queues.setdefault(clock, []), Timer(due, self._numbers, action, object_id))

    def next_due(self, clock: str) -> int | None:
        """The moment of the earliest timer."""
        queue = self._queues.get(clock)
        return queue[0].due if queue else None

    def pop(self, clock: str) -> Timer:
        """Take out the earliest timer."""
        return heapq.heappop(self._queues[clock])

    def drop_clock(self, clock: str) -> None:
        """Forget all timers of a clock."""
        self._queues.pop(clock, None)

    def dump(self) -> dict[str, list[tuple[int, int, str, str]]]:
        """Everything, for a snapshot."""
        return {c: [(t.due, t.number, t.action, t.object_id) for t in sorted(q)] for c, q in self._queues.items()}

    def restore(self, dumped: dict[str, list[tuple[int, int, str, str]]]) -> None:
        """Take over what `dump` gave."""
        self._queues = {clock: [Timer(*row) for row in rows] for clock, rows in dumped.items()}
        self._numbers = max((t.number for q in self._queues.values() for t in q), default=0)
