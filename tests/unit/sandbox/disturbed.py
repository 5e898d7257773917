"""A story that is played under every kind of chaos at once, and everything that came of it, as bytes.

``python -m tests.unit.sandbox.disturbed SEED`` writes it down in a process of its own.
"""

from __future__ import annotations

import sys

import msgspec
from attrs import define, field

from billing_sandbox.delivery import Deliveries
from billing_sandbox.engine.chaos import Chaos, Rates, disturbed
from billing_sandbox.engine.objects import Obj
from billing_sandbox.service import AnswerLost, Sandbox
from tests.unit.sandbox.play import Play, raw

__all__ = ["LOST", "Disturbed"]

#: What is answered where no answer arrives.
LOST = 0


@define
class Disturbed:
    """Customers who are made, looked at, given a card and charged, by somebody who does not care what is answered."""

    seed: int
    play: Play = field(init=False)
    sandbox: Sandbox = field(init=False)
    chaos: Chaos = field(init=False)
    #: Method, path and status of each answer.
    answered: list[tuple[str, str, int]] = field(factory=list)
    #: The ids of the events in the order in which they come.
    arrived: list[str] = field(factory=list)
    _bodies: list[bytes] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        """Play it."""
        self.play = Play(self.seed)
        self.sandbox = Sandbox(self.play.engine, Deliveries(self.play.engine.world), api_keys=frozenset())
        self.sandbox.wall = lambda: float(self.play.now)
        rates = Rates(duplicate=0.2, reorder=0.3, delay=0.2, lose=0.2, refuse=0.1, hide=0.1, drop=0.1, stale=0.3)
        self.chaos = Chaos(self.seed, rates)
        self.sandbox.chaos = self.chaos
        for number in range(60):
            self._ask("POST", "/v1/customers", name=f"Customer {number}")
            self._ask("GET", "/v1/customers", limit=3)
            for customer in list(self.play.engine.world.store.each("customer"))[-1:]:
                path = f"/v1/customers/{customer['id']}"
                self._ask("POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])
                self._ask("POST", path, description=f"the {number}th")
                self._ask("GET", path)
        self.arrived = [event["id"] for event in disturbed(self.play.events(), self.chaos)]

    def log(self) -> bytes:
        """What was decided, answered and told, line by line."""
        store = self.play.engine.world.store
        events = [store.raw("event", event["id"]) for event in store.each("event")]
        answered = [msgspec.json.encode(answer) for answer in self.answered]
        return b"\n".join([*self.chaos.log, *answered, *self._bodies, *events, *map(str.encode, self.arrived)])

    def _ask(self, method: str, path: str, **params: object) -> None:
        encoded: Obj = {name: raw(value) for name, value in params.items()}
        try:
            answer = self.sandbox.call(method, path, encoded, None)
        except AnswerLost:
            self.answered.append((method, path, LOST))
        else:
            self.answered.append((method, path, answer.status))
            self._bodies.append(answer.body)


if __name__ == "__main__":
    sys.stdout.buffer.write(Disturbed(int(sys.argv[1])).log())
