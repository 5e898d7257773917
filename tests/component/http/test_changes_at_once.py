"""Two changes of one subscription at the same moment: the second is decided once the first is finished."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
from attrs import evolve

from billing_core.domain.callers import Caller, Role
from billing_core.domain.errors import ProviderRefused
from billing_core.domain.facts import PaymentSeen, SubscriptionSeen
from billing_core.domain.operations import Answer, Operation
from billing_core.ports.clock import Clock
from billing_core.ports.provider import Preview
from billing_memory import FakeProvider, Trouble
from tests.component.http.house import House, Json

LEASE = timedelta(seconds=60)
SUE = Caller("sue", frozenset({Role.ADMIN}))
#: What is asked about a subscription: method, path beyond it, body.
Asked = tuple[str, str, Json | None]
DOWN: Asked = ("PUT", "", {"plan_id": "basic-monthly"})
UP: Asked = ("PUT", "", {"plan_id": "team-monthly"})
CANCEL: Asked = ("POST", "/cancel", {"at_period_end": True})
CANCEL_NOW: Asked = ("POST", "/cancel", {"at_period_end": False})
RESUME: Asked = ("POST", "/resume", None)
PAUSE: Asked = ("POST", "/pause", None)


class Gated(FakeProvider):
    """A provider that keeps the next change of a kind waiting before it is made, until a test lets it go on."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.shut_for: str | None = None
        self.reached, self.go = asyncio.Event(), asyncio.Event()
        self.asked: list[str] = []
        #: What somebody asks for right after the next preview was made.
        self.after_preview: Callable[[], Awaitable[object]] | None = None

    async def preview(self, operation: Operation) -> Preview:
        """As it is, and then perhaps no longer."""
        found = await super().preview(operation)
        after, self.after_preview = self.after_preview, None
        if after is not None:
            await after()
        return found

    async def execute(self, operation: Operation) -> Answer:
        """As soon as it may."""
        if operation.name == self.shut_for:
            self.shut_for = None
            self.reached.set()
            await self.go.wait()
        self.asked.append(operation.name)
        return await super().execute(operation)


class Scene:
    """A subscriber of Pro, and a provider that waits for us."""

    def __init__(self) -> None:
        self.waited = asyncio.Event()
        self.house = House(provider=self._provider, wait=self._wait)
        self.subscription: Json = {}

    def _provider(self, clock: Clock) -> Gated:
        self.provider = Gated(clock)
        return self.provider

    async def _wait(self, _seconds: float) -> None:
        self.waited.set()
        await asyncio.sleep(0)

    async def ask(self, asked: Asked, key: str | None = None) -> httpx.Response:
        """Ask something about the subscription, as its owner."""
        method, path, body = asked
        headers = {"Idempotency-Key": key} if key else None
        url = f"/api/subscriptions/{self.subscription['id']}{path}"
        return await self.house.ask(method, url, user="ann", json=body, headers=headers)

    async def at_once(self, first: Asked, kind: str, second: Asked) -> tuple[httpx.Response, httpx.Response]:
        """The second is asked while the first, an operation of this kind, is with the provider, and waits for it."""
        begun = await self.begun(first, kind)
        other = asyncio.create_task(self.ask(second))
        await self.waits(other)
        self.provider.go.set()
        return await begun, await other

    async def begun(self, asked: Asked, kind: str) -> asyncio.Task[httpx.Response]:
        """What was asked, once it is with the provider, who keeps it waiting."""
        self.provider.asked.clear()
        self.provider.shut_for = kind
        task = asyncio.create_task(self.ask(asked))
        await self.provider.reached.wait()
        self.waited.clear()
        return task

    async def waits(self, other: asyncio.Task[object]) -> None:
        """Come back once another one waits, who asks nothing of the provider before that."""
        waiting = asyncio.create_task(self.waited.wait())
        await asyncio.wait({other, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        assert not other.done(), "the second was answered before the first was finished"
        assert self.provider.asked == [], "the second was carried out before the first was finished"

    async def status(self) -> Json:
        """The subscription as clients see it, once everything was delivered and the workers were there."""
        for _ in range(2):
            await self.house.deliver()
            self.house.clock.advance(timedelta(hours=1))
            await self.house.application.carry_out.due("worker")
        answer = await self.house.ask("GET", "/api/subscriptions/status/ann", user="ann")
        found: Json = answer.json()["subscription"]
        return found

    def there(self) -> SubscriptionSeen:
        """The subscription as the provider has it."""
        return self.house.provider.world.get(SubscriptionSeen, self.subscription["stripe_subscription_id"])

    async def left_lying(self, asked: Asked) -> None:
        """Another process wrote an intent down, leased it, and died before anything was asked of the provider."""
        self.house.provider.trouble.append(Trouble.UNAVAILABLE)
        assert (await self.ask(asked)).status_code == 503
        async with self.house.units() as uow:
            (operation,) = await uow.operations.pending_of("ann")
            now = self.house.clock.now()
            assert await uow.operations.lease(operation.id, "a process that died", now, LEASE) is not None
            await uow.commit()


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """Ann has Pro; Basic is below it and Team above."""
    scene = Scene()
    async with scene.house.client:
        await scene.house.sells()
        scene.subscription = await scene.house.subscribes("ann")
        yield scene


async def test_a_cancellation_clears_the_change_that_is_under_way(scene: Scene) -> None:
    changed, canceled = await scene.at_once(DOWN, "change_plan", CANCEL)

    assert (changed.status_code, canceled.status_code) == (200, 200)
    assert (canceled.json()["cancel_at_period_end"], canceled.json()["pending_change"]) == (True, None)
    assert (scene.there().cancel_at_period_end, scene.there().schedule_id) == (True, None)
    status = await scene.status()
    assert (status["cancel_at_period_end"], status["pending_change"]) == (True, None)


async def test_a_downgrade_is_not_decided_while_a_cancellation_is_under_way(scene: Scene) -> None:
    """After it no period follows, as one after the other."""
    canceled, changed = await scene.at_once(CANCEL, "cancel_subscription", DOWN)

    assert canceled.status_code == 200
    assert (changed.status_code, changed.json()["code"]) == (409, "invalid_transition")
    assert (scene.there().cancel_at_period_end, scene.there().schedule_id) == (True, None)
    assert (await scene.ask(RESUME)).status_code == 200


async def test_of_two_downgrades_at_once_the_second_replaces_the_first(scene: Scene) -> None:
    """Neither hears of the provider's schedules."""
    answers = await scene.at_once(DOWN, "change_plan", ("PUT", "", {"plan_id": "basic-monthly", "quantity": 2}))

    assert [answer.status_code for answer in answers] == [200, 200]
    pending = (await scene.status())["pending_change"]
    assert (pending["plan_id"], pending["quantity"]) == ("basic-monthly", 2)


async def test_a_cancellation_twice_at_once_is_one(scene: Scene) -> None:
    """The second finds it done, and asks nothing."""
    answers = await scene.at_once(CANCEL, "cancel_subscription", CANCEL)

    assert [(one.status_code, one.json()["cancel_at_period_end"]) for one in answers] == [(200, True), (200, True)]
    assert scene.provider.asked == ["cancel_subscription"]


@pytest.mark.parametrize(
    ("second", "status"),
    [(DOWN, 409), (UP, 200), (CANCEL, 200), (CANCEL_NOW, 200), (RESUME, 200), (PAUSE, 409)],
    ids=["downgrade", "upgrade", "cancel", "cancel-now", "resume", "pause"],
)
async def test_whatever_is_asked_during_a_cancellation_waits_for_it(scene: Scene, second: Asked, status: int) -> None:
    """And finds the state that it left."""
    canceled, other = await scene.at_once(CANCEL, "cancel_subscription", second)

    assert (canceled.status_code, other.status_code) == (200, status), other.text


async def test_a_preview_during_a_change_is_of_what_follows_it(scene: Scene) -> None:
    preview: Asked = ("POST", "/preview", {"plan_id": "basic-monthly"})
    _, previewed = await scene.at_once(CANCEL, "cancel_subscription", preview)

    assert (previewed.status_code, previewed.json()["code"]) == (409, "invalid_transition")


async def test_support_staff_wait_for_their_turn_with_a_trial(scene: Scene) -> None:
    """Whoever has the rights has no other way in."""
    ends = scene.house.clock.now() + timedelta(days=9)
    begun = await scene.begun(CANCEL, "cancel_subscription")
    trial = asyncio.create_task(scene.house.application.extend_trial(SUE, scene.subscription["id"], ends))
    await scene.waits(trial)
    scene.provider.go.set()
    assert (await begun).status_code == 200
    with pytest.raises(Exception, match="not on trial"):
        await trial


async def test_what_the_provider_refused_stands_in_nobodys_way(scene: Scene) -> None:
    """Nothing was changed by it."""
    scene.house.provider.trouble.append(ProviderRefused("No such price.", code="resource_missing"))
    changed, canceled = await scene.at_once(DOWN, "change_plan", CANCEL)

    assert (changed.status_code, changed.json()["code"]) == (502, "provider_error")
    assert (canceled.status_code, canceled.json()["cancel_at_period_end"]) == (200, True)


async def test_an_amount_that_was_agreed_to_is_not_charged_for_another_change(scene: Scene) -> None:
    """What is decided after the preview is what was previewed, or nothing."""
    wanted: Json = {"plan_id": "team-monthly", "expected_amount_due": {"amount": 7000, "currency": "usd"}}
    scene.provider.after_preview = lambda: scene.ask(("PUT", "", {"plan_id": "pro-monthly", "quantity": 2}))
    changed = await scene.ask(("PUT", "", wanted))

    assert scene.there().items[0].quantity == 2
    assert (changed.status_code, changed.json()["code"]) == (409, "preview_outdated")


async def test_what_somebody_holds_for_too_long_is_waited_for_ten_seconds(scene: Scene) -> None:
    """Then it is a conflict of ours which says so, and passes: under its key it is tried again."""
    await scene.left_lying(DOWN)

    refused = await scene.ask(PAUSE, key="k-1")
    scene.house.clock.advance(LEASE)
    paused = await scene.ask(PAUSE, key="k-1")

    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_in_progress")
    assert refused.json()["detail"].startswith("Another change of this subscription is still being carried out.")
    assert refused.headers["retry-after"] == "1"
    assert "idempotency_in_progress" not in paused.text
    assert scene.there().schedule_id is not None


async def overtaken(scene: Scene, canceled: httpx.Response) -> None:
    """The cancellation stands, whatever the worker finds, and what it overtook is told so."""
    assert (canceled.status_code, canceled.json()["cancel_at_period_end"]) == (200, True), canceled.text
    status = await scene.status()
    assert (status["cancel_at_period_end"], status["pending_change"]) == (True, None)
    assert (scene.there().cancel_at_period_end, scene.there().schedule_id) == (True, None)
    async with scene.house.units() as uow:
        assert await uow.operations.pending_of("ann") == ()
    again = await scene.ask(DOWN, key="k-down")
    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")


async def test_a_cancellation_overtakes_what_a_dead_process_holds(scene: Scene) -> None:
    """The worker does not do it afterwards, on top of the cancellation."""
    await scene.left_lying(DOWN)
    scene.provider.asked.clear()

    await overtaken(scene, await scene.ask(CANCEL))
    assert scene.provider.asked == ["cancel_subscription"]


@pytest.mark.parametrize("trouble", [one for one in Trouble if one is not Trouble.FAILED_AFTER])  # it is found
@pytest.mark.parametrize("again", list(Trouble))
async def test_a_cancellation_overtakes_what_cannot_be_cleared_up(
    scene: Scene, trouble: Trouble, again: Trouble
) -> None:
    """Also where it was made after all, and nobody told us of its schedule."""
    scene.house.provider.trouble.extend([trouble, again])
    assert (await scene.ask(DOWN)).status_code == 503

    await overtaken(scene, await scene.ask(CANCEL))


async def test_a_cancellation_while_the_provider_is_away_is_kept_behind_an_earlier_change(scene: Scene) -> None:
    """The worker makes it, and not the change."""
    scene.house.provider.reachable = False
    assert (await scene.ask(DOWN, key="k-down")).status_code == 503
    assert (await scene.ask(CANCEL, key="k-cancel")).status_code == 503
    scene.house.provider.reachable = True

    await scene.status()
    await overtaken(scene, await scene.ask(CANCEL, key="k-cancel"))


async def test_a_change_that_was_overtaken_says_so_to_who_asks_for_it_again(scene: Scene) -> None:
    """By the words of the cancellation, not of the provider."""
    scene.house.provider.trouble.extend([Trouble.UNAVAILABLE, Trouble.UNAVAILABLE])
    assert (await scene.ask(DOWN, key="k-down")).status_code == 503
    assert (await scene.ask(CANCEL)).status_code == 200

    again = await scene.ask(DOWN, key="k-down")

    assert (again.status_code, again.json()["code"]) == (409, "invalid_transition")
    assert again.json()["detail"].startswith("The subscription was canceled before this could be done.")


@pytest.mark.parametrize("trouble", list(Trouble))
async def test_what_became_unclear_is_cleared_up_before_anything_follows(scene: Scene, trouble: Trouble) -> None:
    """The worker, who would have come by later, finds nothing left to do."""
    scene.house.provider.trouble.append(trouble)
    assert (await scene.ask(DOWN)).status_code == 503

    canceled = await scene.ask(CANCEL)

    assert (canceled.status_code, canceled.json()["cancel_at_period_end"]) == (200, True)
    status = await scene.status()
    assert (status["cancel_at_period_end"], status["pending_change"]) == (True, None)
    assert (scene.there().cancel_at_period_end, scene.there().schedule_id) == (True, None)


async def test_the_worker_takes_nothing_up_that_is_just_being_canceled(scene: Scene) -> None:
    """It would charge a new period."""
    resumes_at = scene.house.clock.now() + timedelta(days=40)
    await scene.ask(("POST", "/pause", {"resumes_at": f"{resumes_at:%Y-%m-%dT%H:%M:%SZ}"}))
    scene.house.clock.advance(timedelta(days=32))
    await scene.house.application.run_pauses("worker")
    assert (await scene.status())["status"] == "paused"
    scene.house.clock.advance(timedelta(days=9))
    begun = await scene.begun(CANCEL_NOW, "cancel_subscription")

    await scene.house.application.run_pauses("worker")
    assert scene.provider.asked == []
    scene.provider.go.set()

    assert (await begun).json()["status"] == "canceled"
    scene.house.clock.advance(timedelta(seconds=2))
    await scene.house.application.run_pauses("worker")
    assert scene.provider.asked == ["cancel_subscription"]


async def test_the_worker_takes_no_step_while_a_change_is_under_way(scene: Scene) -> None:
    """A dispute holds collection, once it is known what the change made of the subscription."""
    begun = await scene.begun(CANCEL, "cancel_subscription")
    (paid,) = scene.house.provider.world.all(PaymentSeen)
    scene.house.provider.buyers.dispute(paid.id, "needs_response")
    await scene.house.deliver()
    scene.house.clock.advance(timedelta(seconds=1))

    await scene.house.application.take_steps("worker")
    assert scene.provider.asked == []
    scene.provider.go.set()

    assert (await begun).status_code == 200
    scene.house.clock.advance(timedelta(seconds=2))
    await scene.house.application.take_steps("worker")
    assert scene.provider.asked == ["cancel_subscription", "hold_collection"]


@pytest.mark.parametrize(("asked", "canceling"), [(RESUME, False), (CANCEL, True)], ids=["resume", "cancel"])
async def test_a_cancellation_beside_a_pending_change_is_no_dead_end(
    scene: Scene, asked: Asked, *, canceling: bool
) -> None:
    """However both came about, as in the Dashboard: the change is given up, as by any cancellation."""
    await scene.ask(DOWN)
    await scene.house.deliver()
    scene.house.clock.advance(timedelta(seconds=1))
    there = scene.there()
    both = evolve(there, cancel_at_period_end=True, cancel_at=there.items[0].period_end)
    scene.provider.world.tell("customer.subscription.updated", both)
    status = await scene.status()
    assert (status["cancel_at_period_end"], status["pending_change"]["plan_id"]) == (True, "basic-monthly")

    answer = await scene.ask(asked)

    assert answer.status_code == 200, answer.text
    status = await scene.status()
    assert (status["cancel_at_period_end"], status["pending_change"]) == (canceling, None)
    assert (scene.there().cancel_at_period_end, scene.there().schedule_id) == (canceling, None)
