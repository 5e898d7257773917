"""The running sandbox: the engine in real time plus an offset, its post office, and its memory on disk."""

import time
from collections.abc import Callable, Iterable

from attrs import define, field

from billing_sandbox.delivery import Deliveries, at_once
from billing_sandbox.engine.calendar import shift
from billing_sandbox.engine.chaos import Chaos, Fate
from billing_sandbox.engine.engine import Answer, Engine, Step
from billing_sandbox.engine.forms import Raw
from billing_sandbox.engine.idempotency import fingerprint_of
from billing_sandbox.engine.objects import Obj

_PATIENCE_SECONDS = 10.0
_FINE = 200


class AnswerLost(Exception):
    """The request was carried out; its answer is not to arrive."""


@define
class Sandbox:
    """One sandbox: everything that the HTTP faces do goes through here, so that time and post keep up."""

    engine: Engine
    deliveries: Deliveries
    api_keys: frozenset[str]
    #: Seconds that the sandbox is ahead of real time.
    offset: int = 0
    wall: Callable[[], float] = time.time
    #: Called after every change, so that it may be written down.
    changed: Callable[[], None] = lambda: None
    #: Called before anybody is told of what happens while time is moved: it is written down, or it would happen anew.
    keep: Callable[[], None] = lambda: None
    _advancing: bool = field(default=False, init=False)
    _chaos: Chaos | None = field(default=None, init=False)
    _earlier: dict[str, Answer] = field(factory=dict, init=False)

    @property
    def now(self) -> int:
        """The sandbox's time, in Unix seconds."""
        return self.engine.world.main_time if self._advancing else int(self.wall()) + self.offset

    def catch_up(self) -> None:
        """Let the engine arrive at the present, and hand over what it has to tell."""
        if not self._advancing:
            self.engine.advance_to(self.now)
        self.engine.advance_test_clocks()
        self.deliveries.take()

    def call(self, method: str, path: str, params: dict[str, Raw], key: str | None) -> Answer:
        """One request of Stripe's API.

        Raises:
            AnswerLost: Chaos wants it done, but not answered.
        """
        self.catch_up()
        fate = self._chaos.fate(method, path) if self._chaos else None
        answer = self.engine.call(method, path, params, key=key, fate=fate)
        self.deliveries.take()
        if method != "GET":
            self.changed()
        if fate == "drop":
            raise AnswerLost
        return self._as_of(fate, fingerprint_of(method, path, params), answer) if method == "GET" else answer

    @property
    def chaos(self) -> Chaos | None:
        """The chaos in force."""
        return self._chaos

    @chaos.setter
    def chaos(self, chaos: Chaos | None) -> None:
        self._chaos = chaos
        self._earlier.clear()
        self.deliveries.plan = at_once if chaos is None else lambda d: chaos.waits(d.event_id, d.event_type)

    def _as_of(self, fate: Fate | None, request: str, answer: Answer) -> Answer:
        if self._chaos is None or answer.status != _FINE:
            return answer
        earlier = self._earlier.get(request)
        if fate == "stale" and earlier is not None:
            return earlier
        self._earlier[request] = answer
        return answer

    def do(self, what: Step) -> Obj:
        """One step that is no API request. Raises Fault where it is refused."""
        self.catch_up()
        try:
            return self.engine.do(what)
        finally:
            self.deliveries.take()
            self.changed()

    async def advance(self, amount: str | None = None, to: int | None = None) -> int:
        """Move time forward by an amount such as `3d` or `1mo`, or to a moment. Returns the time reached.

        Every event is offered to its endpoints at its own moment, before time goes on.

        Raises:
            ValueError: The amount cannot be read, the moment is past, or another advance is under way.
        """
        if self._advancing:
            message = "the clock is being advanced already: wait until that is done"
            raise ValueError(message)
        self.catch_up()
        target = to if to is not None else shift(self.now, amount or "0")
        if target < self.now:
            message = "time in the sandbox never goes back: choose a moment in its future"
            raise ValueError(message)
        await self.deliveries.settled(_PATIENCE_SECONDS)
        self._advancing = True
        try:
            await self._go(self.engine.steps_to(target))
        finally:
            self._advancing = False
            self.offset = self.ahead
            self.changed()
        return target

    @property
    def ahead(self) -> int:
        """How many seconds it is ahead of real time by what has happened: time goes on from there after a restart."""
        return max(self.offset, self.engine.world.main_time - int(self.wall()))

    async def completed(self, session: Obj) -> None:
        """Give the receiver a few seconds to hear of a completed session before the customer is sent on."""
        await self.deliveries.tried(session["id"], "checkout.session.completed", _PATIENCE_SECONDS)

    async def _go(self, moments: Iterable[int]) -> None:
        for _ in moments:
            told = bool(self.engine.world.emitted)
            self.deliveries.take()
            if told:
                self.keep()
            await self.deliveries.settled(_PATIENCE_SECONDS)
