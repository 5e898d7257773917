"""The world that operations act in: objects, time, ids, timers, and the log of events."""

from collections import deque
from collections.abc import Callable

import msgspec
from attrs import define, field, frozen

from billing_sandbox.engine.changes import previous_attributes
from billing_sandbox.engine.errors import missing
from billing_sandbox.engine.ids import IdSource
from billing_sandbox.engine.objects import API_VERSION, DAY, Obj
from billing_sandbox.engine.settings import Settings
from billing_sandbox.engine.store import Store
from billing_sandbox.engine.timers import Timers

EVENT_LIFE_DAYS = 30
ACCOUNT_ID = "acct_1SandboxBilling"
_encoder = msgspec.json.Encoder()


@frozen
class Cause:
    """The request behind a change; without one, the change is Stripe's own (a renewal, an expiry)."""

    request_id: str | None = None
    idempotency_key: str | None = None


@define
class World:
    """Everything that an operation may read or change. Nothing here knows of sockets or of real time."""

    ids: IdSource
    main_time: int
    public_url: str = "http://127.0.0.1"
    settings: Settings = field(factory=Settings)
    store: Store = field(factory=Store)
    timers: Timers = field(factory=Timers)
    cause: Cause = field(factory=Cause)
    #: The test clock that the current step runs on; empty for the main clock.
    clock_id: str = ""
    #: Ids of events that are committed, in order, until a listener takes them.
    emitted: list[str] = field(factory=list)
    clock_times: dict[str, int] = field(factory=dict)
    #: Invoices whose `invoice.created` the receiver has not taken yet: they stay drafts.
    held_invoices: set[str] = field(factory=set)
    _fresh_events: list[str] = field(factory=list)
    _fresh_timers: list[tuple[str, int, str, str]] = field(factory=list)
    _event_ages: deque[tuple[int, str]] = field(factory=deque)

    # -------------------------------------------------------------------------------------------------- time and ids
    @property
    def now(self) -> int:
        """The time of the clock in force, in Unix seconds."""
        return self.clock_times.get(self.clock_id, self.main_time)

    def new_id(self, prefix: str) -> str:
        """A fresh id."""
        return self.ids.new(prefix)

    def schedule(self, due: int, action: str, object_id: str) -> None:
        """Have `action` run on this object when the clock in force reaches `due`."""
        self._fresh_timers.append((self.clock_id, due, action, object_id))

    def clock_governing(self, obj: Obj) -> str:
        """The id of the test clock that this object's customer lives on; empty for the main clock."""
        if obj["object"] == "test_helpers.test_clock":
            return str(obj["id"])
        if obj.get("test_clock"):
            return str(obj["test_clock"])
        customer = self.store.find("customer", obj.get("customer") or "")
        return str((customer or {}).get("test_clock") or "")

    # ---------------------------------------------------------------------------------------------------- the objects
    def load(self, kind: str, object_id: str) -> Obj:
        """An object that must exist: its id was read from another object."""
        found = self.store.find(kind, object_id)
        if found is None:
            message = f"{kind} {object_id} is referred to but does not exist"
            raise LookupError(message)
        return found

    def named(self, kind: str, object_id: str, param: str = "id") -> Obj:
        """The object that a request's path names; 404 where there is none."""
        found = self.store.find(kind, object_id)
        if found is None:
            raise missing(kind, object_id, param=param, status=404)
        return found

    def given(self, kind: str, object_id: str, param: str) -> Obj:
        """The object that a parameter names; 400 where there is none, or it was deleted."""
        found = self.store.find(kind, object_id)
        if found is None or found.get("deleted"):
            raise missing(kind, object_id, param=param, status=400)
        return found

    def insert(self, obj: Obj, event: str | None = None) -> Obj:
        """Keep a new object and tell of it."""
        raw = self.store.put(obj)
        if event:
            self._log(event, raw, None)
        return obj

    def change(self, obj: Obj, event: str | None = None) -> Obj:
        """Keep a changed object; with an `event`, tell of it if anything changed. Returns the previous attributes."""
        if event is None:
            self.store.put(obj)
            return {}
        before = self.load(obj["object"], obj["id"])
        previous = previous_attributes(before, obj)
        if previous:
            self._log(event, self.store.put(obj), previous)
        return previous

    # ----------------------------------------------------------------------------------------------------- the events
    def emit(self, event_type: str, obj: Obj, previous: Obj | None = None) -> None:
        """Write an event: the object as it is at this moment, never to be rendered again."""
        self._log(event_type, _encoder.encode(obj), previous)

    def _log(self, event_type: str, raw: bytes, previous: Obj | None) -> None:
        event_id = self.new_id("evt_")
        data: Obj = {"object": msgspec.Raw(raw)}
        if previous is not None:
            data["previous_attributes"] = previous
        event = {
            "id": event_id,
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.cause.request_id, "idempotency_key": self.cause.idempotency_key},
            "type": event_type,
        }
        self.store.put_raw("event", event_id, _encoder.encode(event))
        self._fresh_events.append(event_id)

    # ----------------------------------------------------------------------------------------------------------- steps
    def begin(self, cause: Cause, clock_id: str = "") -> None:
        """Begin a step."""
        self.store.begin()
        self.cause = cause
        self.clock_id = clock_id
        self._fresh_events.clear()
        self._fresh_timers.clear()

    def commit(self) -> None:
        """End a step: its changes, events and timers count."""
        self.store.commit()
        for clock, due, action, object_id in self._fresh_timers:
            self.timers.add(clock, due, action, object_id)
        self.emitted.extend(self._fresh_events)
        self._event_ages.extend((self.now, event_id) for event_id in self._fresh_events)
        self._forget_old_events()

    def rollback(self) -> None:
        """End a step as if it had never begun."""
        self.store.rollback()

    def attempt(self, what: Callable[[], Obj]) -> Obj:
        """Run `what`, then undo all of it: how a preview is made by the rules that would make the real thing."""
        mark = self.mark()
        try:
            return what()
        finally:
            self.undo_to(mark)

    def mark(self) -> tuple[int, int, int]:
        """Where a step stands, for `undo_to`."""
        return self.store.savepoint(), len(self._fresh_events), len(self._fresh_timers)

    def undo_to(self, mark: tuple[int, int, int]) -> None:
        """Undo what was done since the mark, events and timers included."""
        self.store.rollback_to(mark[0])
        del self._fresh_events[mark[1] :]
        del self._fresh_timers[mark[2] :]

    def restore_event_ages(self) -> None:
        """Find again, after a restart, which events will grow old first."""
        self._event_ages = deque((event["created"], event["id"]) for event in self.store.each("event"))

    def _forget_old_events(self) -> None:
        horizon = self.main_time - EVENT_LIFE_DAYS * DAY
        while self._event_ages and self._event_ages[0][0] < horizon:
            self.store.remove("event", self._event_ages.popleft()[1])
