"""Webhook delivery: every event to every endpoint that wants it, signed, at least once, with retries."""

import asyncio
import contextlib
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence

import aiohttp
import msgspec
from attrs import define, field, frozen

from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.webhook_endpoints import listening, secret_of
from billing_sandbox.engine.world import World
from billing_sandbox.older_shapes import rendered
from billing_sandbox.signing import signature_header

_TIMEOUT_SECONDS = 15.0
_LONGEST_WAIT_SECONDS = 3600
_GIVE_UP_SECONDS = 3 * 24 * 3600
_KEPT_RECORDS = 2000
_OK = range(200, 300)


@frozen
class Attempt:
    """One try."""

    at: float
    status: int | None
    error: str | None


@define
class Delivery:
    """One event on its way to one endpoint."""

    id: str
    event_id: str
    event_type: str
    object_id: str
    endpoint_id: str
    url: str
    body: bytes
    state: str = "pending"
    attempts: list[Attempt] = field(factory=list)
    next_at: float = 0.0
    tried: asyncio.Event = field(factory=asyncio.Event)

    def to_json(self) -> Obj:
        """What the control API shows."""
        return {
            "id": self.id,
            "event": self.event_id,
            "event_type": self.event_type,
            "endpoint": self.endpoint_id,
            "url": self.url,
            "state": self.state,
            "attempts": [{"at": a.at, "status": a.status, "error": a.error} for a in self.attempts],
        }


Plan = Callable[[Delivery], list[float]]
"""Says, for a delivery, after how many seconds each copy of it is sent: [0.0] is the honest post."""


def at_once(_: Delivery) -> list[float]:
    """One copy, now."""
    return [0.0]


@define
class Deliveries:
    """The post office. One worker per endpoint, so that a slow receiver holds up nobody else."""

    world: World
    plan: Plan = at_once
    _records: OrderedDict[str, Delivery] = field(factory=OrderedDict)
    _queues: dict[str, deque[Delivery]] = field(factory=dict)
    _wake: dict[str, asyncio.Event] = field(factory=dict)
    _workers: dict[str, asyncio.Task[None]] = field(factory=dict)
    _later: set[asyncio.Task[None]] = field(factory=set)
    _session: aiohttp.ClientSession | None = None

    def take(self) -> None:
        """Accept the events that the engine has committed since last time."""
        fresh, self.world.emitted = self.world.emitted, []
        for event_id in fresh:
            event = self.world.store.find("event", event_id)
            if event is None:
                continue
            endpoints = listening(self.world, event["type"])
            for endpoint in endpoints:
                self._accept(event | {"pending_webhooks": len(endpoints)}, endpoint)

    def again(self, event: Obj, endpoint: Obj) -> Delivery:
        """Send an event once more, whatever became of it before."""
        delivery = self._made(event | {"pending_webhooks": 1}, endpoint)
        self._enqueue(delivery)
        return delivery

    def records(self) -> list[Delivery]:
        """The latest deliveries, oldest first."""
        return list(self._records.values())

    async def tried(self, object_id: str, event_type: str, timeout: float) -> None:  # noqa: ASYNC109 - a patience, not a deadline
        """Wait until this event about this object was tried once at every endpoint, or patience ends."""
        waits = [
            d.tried.wait()
            for d in self._records.values()
            if d.object_id == object_id and d.event_type == event_type and not d.tried.is_set()
        ]
        await _patiently(waits, timeout)

    async def settled(self, timeout: float) -> None:  # noqa: ASYNC109 - a patience, not a deadline that fails
        """Wait until everything accepted so far was tried once, or patience ends."""
        await _patiently([d.tried.wait() for d in self._records.values() if not d.tried.is_set()], timeout)

    async def close(self) -> None:
        """Stop all workers."""
        tasks = [*self._workers.values(), *self._later]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._workers.clear()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def pending(self) -> list[Obj]:
        """What has not arrived yet, for a snapshot."""
        return [
            {"event": d.event_id, "endpoint": d.endpoint_id} for d in self._records.values() if d.state == "pending"
        ]

    def restore(self, pending: list[Obj]) -> None:
        """Take up again what had not arrived before a restart."""
        for entry in pending:
            event = self.world.store.find("event", entry["event"])
            endpoint = self.world.store.find("webhook_endpoint", entry["endpoint"])
            if event is not None and endpoint is not None:
                self.again(event, endpoint)

    def _accept(self, event: Obj, endpoint: Obj) -> None:
        delivery = self._made(event, endpoint)
        waits = self.plan(delivery)
        if not waits:
            delivery.state = "lost"
            delivery.tried.set()
        for wait in waits:
            if wait <= 0:
                self._enqueue(delivery)
            else:
                self._after(wait, delivery)

    def _made(self, event: Obj, endpoint: Obj) -> Delivery:
        shown = rendered(event, endpoint["api_version"])
        delivery = Delivery(
            id=self.world.new_id("whd_"),
            event_id=event["id"],
            event_type=event["type"],
            object_id=str(event["data"]["object"].get("id", "")),
            endpoint_id=endpoint["id"],
            url=endpoint["url"],
            body=msgspec.json.format(msgspec.json.encode(shown), indent=2),
        )
        self._records[delivery.id] = delivery
        while len(self._records) > _KEPT_RECORDS:
            self._records.popitem(last=False)
        return delivery

    def _enqueue(self, delivery: Delivery) -> None:
        queue = self._queues.setdefault(delivery.endpoint_id, deque())
        queue.append(delivery)
        self._wake.setdefault(delivery.endpoint_id, asyncio.Event()).set()
        if delivery.endpoint_id not in self._workers:
            self._workers[delivery.endpoint_id] = asyncio.create_task(self._work(delivery.endpoint_id))

    def _after(self, seconds: float, delivery: Delivery) -> None:
        async def wait_then_enqueue() -> None:
            await asyncio.sleep(seconds)
            self._enqueue(delivery)

        task = asyncio.create_task(wait_then_enqueue())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _work(self, endpoint_id: str) -> None:
        queue, wake = self._queues[endpoint_id], self._wake[endpoint_id]
        while True:
            while not queue:
                wake.clear()
                await wake.wait()
            await self._try(queue.popleft())

    async def _try(self, delivery: Delivery) -> None:
        endpoint = self.world.store.find("webhook_endpoint", delivery.endpoint_id)
        if endpoint is None or endpoint["status"] != "enabled":
            delivery.state = "dropped"
            delivery.tried.set()
            return
        status, error = await self._post(endpoint["url"], delivery)
        delivery.attempts.append(Attempt(at=time.time(), status=status, error=error))
        arrived = status in _OK
        delivery.state = "delivered" if arrived or delivery.state == "delivered" else "pending"
        if delivery.event_type == "invoice.created":
            (self.world.held_invoices.discard if arrived else self.world.held_invoices.add)(delivery.object_id)
        delivery.tried.set()
        if not arrived and delivery.state == "pending":
            self._retry(delivery)

    def _retry(self, delivery: Delivery) -> None:
        age = time.time() - delivery.attempts[0].at
        wait = min(2.0 ** (len(delivery.attempts) - 1), _LONGEST_WAIT_SECONDS)
        if age + wait > _GIVE_UP_SECONDS:
            delivery.state = "failed"
        else:
            self._after(wait, delivery)

    async def _post(self, url: str, delivery: Delivery) -> tuple[int | None, str | None]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS))
        secret = secret_of(self.world, delivery.endpoint_id)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature_header(delivery.body, secret, int(time.time())),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            async with self._session.post(url, data=delivery.body, headers=headers, allow_redirects=False) as answer:
                return answer.status, None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return None, f"{type(error).__name__}: {error}"


async def _patiently(waits: Sequence[Awaitable[bool]], timeout: float) -> None:  # noqa: ASYNC109 - see the callers
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    if tasks:
        _, undone = await asyncio.wait(tasks, timeout=timeout)
        for task in undone:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
