"""Chaos: what a network and a provider may do at their worst, drawn from a seed, so that it can be done again."""

import random
from typing import Literal, TypeAlias

import msgspec
from attrs import asdict, define, evolve, field, fields_dict, frozen

from billing_sandbox.engine.objects import Obj

Fate: TypeAlias = Literal["refuse", "hide", "drop", "stale"]
"""What becomes of a request: refused with 500 before anything is done; done, but answered with 500; done, but the
answer never arrives; answered (GET only) as of an earlier moment."""


@frozen(kw_only=True)
class Rates:
    """How likely each mishap is, from 0 to 1, and how long delays are at most, in seconds."""

    duplicate: float = 0.15
    reorder: float = 0.3
    delay: float = 0.1
    lose: float = 0.05
    refuse: float = 0.05
    hide: float = 0.03
    drop: float = 0.03
    stale: float = 0.05
    reorder_seconds: float = 2.0
    delay_seconds: float = 20.0

    def changed(self, changes: Obj) -> "Rates":
        """These rates with some replaced.

        Raises:
            ValueError: A name is not known or a value is negative.
        """
        known = fields_dict(Rates)
        for name, value in changes.items():
            if name not in known or not isinstance(value, int | float) or value < 0:
                message = f"unknown or negative rate {name}={value!r}: known are {', '.join(known)}"
                raise ValueError(message)
        return evolve(self, **changes)


@define
class Chaos:
    """Decides the fate of every event and request, one after the other, and writes down what it decided."""

    seed: int | str
    rates: Rates = field(factory=Rates)
    #: One JSON line for each decision: the same seed and the same story give the same log, to the byte.
    log: list[bytes] = field(factory=list)
    _posted: int = 0
    _asked: int = 0

    def waits(self, event_id: str, event_type: str) -> list[float]:
        """After how many seconds each copy of an event is sent; none at all where it is lost."""
        self._posted += 1
        dice = random.Random(f"{self.seed}:event:{self._posted}")  # noqa: S311 - reproducible on purpose
        waits: list[float] = []
        if dice.random() >= self.rates.lose:
            copies = 2 if dice.random() < self.rates.duplicate else 1
            waits = [self._wait(dice) for _ in range(copies)]
        self._note({"event": event_id, "type": event_type, "waits": waits})
        return waits

    def fate(self, method: str, path: str) -> Fate | None:
        """What becomes of a request; None for nothing unusual."""
        self._asked += 1
        dice = random.Random(f"{self.seed}:request:{self._asked}").random()  # noqa: S311 - reproducible on purpose
        chosen: Fate | None = None
        options: tuple[tuple[Fate, float], ...] = (("refuse", self.rates.refuse), ("stale", self.rates.stale))
        if method != "GET":
            options = (("refuse", self.rates.refuse), ("hide", self.rates.hide), ("drop", self.rates.drop))
        for name, rate in options:
            if chosen is None and dice < rate:
                chosen = name
            dice -= rate
        self._note({"request": f"{method} {path}", "fate": chosen})
        return chosen

    def to_json(self) -> Obj:
        """Seed and rates."""
        return {"seed": self.seed, "rates": asdict(self.rates)}

    def _wait(self, dice: random.Random) -> float:
        if dice.random() < self.rates.delay:
            return round(dice.uniform(0, self.rates.delay_seconds), 3)
        if dice.random() < self.rates.reorder:
            return round(dice.uniform(0, self.rates.reorder_seconds), 3)
        return 0.0

    def _note(self, decision: Obj) -> None:
        self.log.append(msgspec.json.encode(decision))


def disturbed(events: list[Obj], chaos: Chaos, *, spacing: float = 0.5) -> list[Obj]:
    """The events as a receiver would get them under this chaos, when they are posted `spacing` seconds apart."""
    arrivals = [
        (position * spacing + wait, position, copy, event)
        for position, event in enumerate(events)
        for copy, wait in enumerate(chaos.waits(event["id"], event["type"]))
    ]
    return [event for *_, event in sorted(arrivals, key=lambda arrival: arrival[:3])]
