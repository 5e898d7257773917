"""The engine: requests in, answers out, time moved from outside. Deterministic for given ids, time and requests."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import msgspec
from attrs import define, field, frozen

from billing_sandbox.engine.actions import ACTIONS
from billing_sandbox.engine.chaos import Fate
from billing_sandbox.engine.clocks import arrived
from billing_sandbox.engine.errors import Fault, InvalidParam, InvalidRequest
from billing_sandbox.engine.expand import expand
from billing_sandbox.engine.forms import Raw
from billing_sandbox.engine.idempotency import Keys, fingerprint_of
from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.operations import Operation
from billing_sandbox.engine.params import read_fields
from billing_sandbox.engine.routes import find
from billing_sandbox.engine.world import Cause, World

_NO_METHOD_TYPES = {"/v1/payment_intents", "/v1/setup_intents", "/v1/checkout/sessions"}
_encoder = msgspec.json.Encoder()
_OUT_OF_ORDER = _encoder.encode({"error": {"type": "api_error", "message": "An unknown error occurred"}})
_CUSTOMER_KINDS = (
    "customer",
    "subscription",
    "invoice",
    "payment_intent",
    "payment_method",
    "charge",
    "from_subscription",
)


Step: TypeAlias = Callable[[World], Obj]
"""Something that is done to the world as a whole, or not at all."""


@frozen(kw_only=True)
class Answer:
    """What a request gets."""

    status: int
    body: bytes
    request_id: str
    #: The sandbox's time at which it was given.
    at: int
    replayed: bool = False

    def json(self) -> Obj:
        """The body as JSON."""
        decoded: Obj = msgspec.json.decode(self.body)
        return decoded


@define
class Engine:
    """A whole Stripe account. Time passes only in `advance_to` and `advance_test_clocks`."""

    world: World
    keys: Keys = field(factory=Keys)

    def call(
        self,
        method: str,
        path: str,
        params: dict[str, Raw] | None = None,
        *,
        key: str | None = None,
        fate: Fate | None = None,
    ) -> Answer:
        """Carry out one request of the API, and whatever falls due because of it at this very moment.

        Chaos may want (`fate`) that nothing is done and 500 answered, or that it is done and 500 answered nevertheless.
        """
        request_id = self.world.new_id("req_")
        params = params or {}
        key = key if method == "POST" else None
        try:
            if key is not None:
                kept = self.keys.begin(key, fingerprint_of(method, path, params), self.world.main_time)
                if kept is not None:
                    return Answer(
                        status=kept.status,
                        body=kept.body,
                        request_id=request_id,
                        at=self.world.main_time,
                        replayed=True,
                    )
            if fate == "refuse":
                status, body, executed = 500, _OUT_OF_ORDER, True
            else:
                status, body, executed = self._answer(method, path, params, Cause(request_id, key))
            if fate == "hide":
                status, body = 500, _OUT_OF_ORDER
        except Fault as fault:  # the key itself is at fault
            body = _encoder.encode(fault.body)
            return Answer(status=fault.status, body=body, request_id=request_id, at=self.world.main_time)
        except BaseException:
            if key is not None:
                self.keys.release(key)
            raise
        if key is not None and executed:
            self.keys.finish(key, status, body, self.world.main_time)
        elif key is not None:
            self.keys.release(key)
        self.advance_to(self.world.main_time)
        return Answer(status=status, body=body, request_id=request_id, at=self.world.main_time)

    def do(self, what: Step, cause: Cause | None = None) -> Obj:
        """Carry out something that is no API request (the checkout page, the control API) as one step.

        Raises:
            Fault: It was refused. A declined card leaves its traces, everything else leaves none.
        """
        try:
            result = self._step(what, cause or Cause())
        finally:
            self.advance_to(self.world.main_time)
        return result

    # ------------------------------------------------------------------------------------------------------------ time
    def next_due(self) -> int | None:
        """When the next thing happens by itself, on the main clock."""
        return self.world.timers.next_due("")

    def advance_to(self, instant: int) -> None:
        """Let time pass up to `instant`: everything due happens in order, each at its own moment."""
        for _ in self.steps_to(instant):
            pass

    def steps_to(self, instant: int) -> Iterator[int]:
        """Like `advance_to`, one timer at a time, giving the moment after each: so that others can keep up."""
        while (due := self.next_due()) is not None and due <= instant:
            self.world.main_time = max(self.world.main_time, due)
            self._run_timer("")
            yield self.world.main_time
        self.world.main_time = max(self.world.main_time, instant)

    def advance_test_clocks(self) -> bool:
        """Bring test clocks that are `advancing` to where they are going. Returns whether there were any."""
        moved = False
        for clock in list(self.world.store.each("test_helpers.test_clock")):
            if clock["status"] == "advancing":
                moved = True
                self._advance_clock(clock["id"], clock["status_details"]["advancing"]["target_frozen_time"])
        return moved

    def _advance_clock(self, clock_id: str, target: int) -> None:
        times = self.world.clock_times
        while (due := self.world.timers.next_due(clock_id)) is not None and due <= target:
            times[clock_id] = max(times[clock_id], due)
            self._run_timer(clock_id)
        times[clock_id] = target
        self._step(lambda w: arrived(w, clock_id, target), Cause(), clock_id)

    def _run_timer(self, clock: str) -> None:
        timer = self.world.timers.pop(clock)
        action = ACTIONS[timer.action]
        if self.world.store.kind_of(timer.object_id) is None:
            return

        def run(w: World) -> Obj:
            action(w, timer.object_id)
            return {}

        self._step(run, Cause(), clock)

    # -------------------------------------------------------------------------------------------------------- requests
    def _answer(self, method: str, path: str, raw: dict[str, Raw], cause: Cause) -> tuple[int, bytes, bool]:
        try:
            operation, ids = _route(method, path)
            if operation.path in _NO_METHOD_TYPES and method == "POST" and "payment_method_types" in raw:
                raise _no_method_types()
            params = read_fields(operation.accepts, raw, "", operation.required)
            clock = self._clock_of(ids, params)
            body = self._step(lambda w: _run(w, operation, params, ids), cause, clock)
        except Fault as fault:
            return fault.status, _encoder.encode(fault.body), fault.executed
        return 200, _encoder.encode(body), True

    def _step(self, what: Step, cause: Cause, clock: str = "") -> Obj:
        self.world.begin(cause, clock)
        try:
            result = what(self.world)
        except Fault as fault:
            if fault.keeps_changes:
                self.world.commit()
            else:
                self.world.rollback()
            raise
        except BaseException:
            self.world.rollback()
            raise
        self.world.commit()
        return result

    def _clock_of(self, ids: tuple[str, ...], params: Obj) -> str:
        if not self.world.clock_times:
            return ""
        named = [*ids, *(str(params[name]) for name in _CUSTOMER_KINDS if name in params)]
        for object_id in named:
            obj = self.world.store.find(self.world.store.kind_of(object_id) or "", object_id)
            if obj is not None:
                return self.world.clock_governing(obj)
        return ""


def _run(w: World, operation: Operation, params: Obj, ids: tuple[str, ...]) -> Obj:
    paths = params.pop("expand", [])
    answer = operation.run(w, params, *ids)
    return expand(w, answer, paths) if paths else answer


def _route(method: str, path: str) -> tuple[Operation, tuple[str, ...]]:
    found = find(method, path)
    if found is None:
        message = f"Unrecognized request URL ({method}: {path}). The sandbox does not serve it, or it does not exist."
        raise InvalidRequest(message, status=404)
    return found


def _no_method_types() -> InvalidParam:
    message = (
        "The `payment_method_types` parameter is no longer supported. Leave it out to use dynamic payment methods, or "
        "pass `allowed_payment_method_types`."
    )
    return InvalidParam(message, param="payment_method_types", code="payment_method_types_no_longer_supported")
