"""The mix of webhooks that benchmarks send: what one learner's months make Stripe tell, told about many learners.

The sandbox plays the story once: a subscription through a checkout page, a course bought and partly refunded, a
renewal, a cancellation. Its events are then the story of any number of learners: every id in them but those of
the catalog is given the learner's number, so that all events are distinct and each learner has objects of their own.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator

import msgspec
from attrs import field, frozen

from billing_sandbox.engine.checkout_completion import Buyer, complete
from billing_sandbox.engine.engine import Engine
from billing_sandbox.engine.forms import Raw
from billing_sandbox.engine.ids import SeededIds
from billing_sandbox.engine.objects import DAY, Obj
from billing_sandbox.engine.payment_methods import card_of
from billing_sandbox.engine.world import World

__all__ = ["PLAN_PRICE", "Story", "interleaved", "told_story"]

#: The story is of 31 days and some seconds, and ends when it is told: what was long over would be other work.
_DAYS = 32
#: The ids that the catalog's objects are given in every event, and the learner of whom the story is told.
PLAN_PRICE = "price_of_the_benchmark"
_PRICE = f'"{PLAN_PRICE}"'.encode()
_PRODUCT = b'"prod_of_the_benchmark"'
_LEARNER = "learner-number"
#: An id of Stripe's, which is a prefix and then letters and digits that mean nothing, or the learner's.
_ID = re.compile(rb'"(?:(?:cs_test|[a-z]{2,5})_(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{14,}|learner-number)(?=")')


@frozen
class Story:
    """The events of one learner, oldest first, each as the pieces of text between the ids that differ."""

    _events: tuple[tuple[bytes, ...], ...]
    #: The type of each.
    types: tuple[str, ...] = field(kw_only=True)

    def __len__(self) -> int:
        return len(self._events)

    def event(self, place: int, learner: int) -> bytes:
        """The body of the event at ``place``, counted from 0, about this learner."""
        return f"x{learner}".encode().join(self._events[place])

    @staticmethod
    def user_id(learner: int) -> str:
        """Who the learner is to us."""
        return f"{_LEARNER}x{learner}"


def told_story() -> Story:
    """Play the story, and take down what was told."""
    begun = int(time.time()) // DAY * DAY - _DAYS * DAY
    engine = Engine(World(ids=SeededIds("benchmark"), main_time=begun))
    told = list(_played(engine))
    bodies = [_of_the_catalog(msgspec.json.encode(event)) for event in told]
    return Story(
        tuple(tuple(_ID.sub(rb"\g<0>\0", body).split(b"\0")) for body in bodies),
        types=tuple(event["type"] for event in told),
    )


def interleaved(story: Story, learners: int, *, at_once: int = 256, seed: int = 1) -> Iterator[tuple[int, int]]:
    """Place and learner of every event, in an order in which they may arrive: each learner's own order is kept.

    The stories of ``at_once`` learners go on side by side.
    """
    chance = random.Random(seed)  # noqa: S311 - the same order on every run
    waiting = iter(range(learners))
    active = [[learner, 0] for learner in (next(waiting, None) for _ in range(at_once)) if learner is not None]
    while active:
        chosen = chance.randrange(len(active))
        learner, place = active[chosen]
        yield place, learner
        active[chosen][1] += 1
        if active[chosen][1] == len(story):
            following = next(waiting, None)
            if following is None:
                active[chosen] = active[-1]
                active.pop()
            else:
                active[chosen] = [following, 0]


def _played(engine: Engine) -> Iterator[Obj]:
    """Play the story; the events that are about the learner, oldest first."""
    known: set[str] = set()
    for _ in _steps(engine):
        told = [event for event in engine.world.store.each("event") if event["id"] not in known]
        known.update(event["id"] for event in told)
        yield from (event for event in told if not event["type"].startswith(("product.", "price.")))


def _steps(engine: Engine) -> Iterator[None]:
    """The story; a pause wherever its events so far should be taken down: the sandbox forgets them after a month."""
    labels: dict[str, Raw] = {"user_id": _LEARNER}
    monthly: dict[str, Raw] = {"interval": "month"}
    price = _post(engine, "prices", unit_amount="2900", currency="usd", recurring=monthly, product_data={"name": "Pro"})
    customer = _post(engine, "customers", email="ada@example.com", metadata=labels)
    subscribing = _post(
        engine,
        "checkout/sessions",
        mode="subscription",
        customer=customer["id"],
        line_items={"0": {"price": price["id"], "quantity": "1"}},
        metadata=labels,
        subscription_data={"metadata": labels},
        success_url="http://127.0.0.1/ok",
    )
    _pay(engine, subscribing)
    engine.advance_to(engine.world.main_time + 3 * DAY)
    yield
    course: dict[str, Raw] = {"currency": "usd", "unit_amount": "4900", "product_data": {"name": "Course"}}
    bought: dict[str, Raw] = labels | {"resource_type": "course", "resource_id": "k8s-101"}
    buying = _post(
        engine,
        "checkout/sessions",
        mode="payment",
        customer=customer["id"],
        line_items={"0": {"price_data": course, "quantity": "1"}},
        metadata=bought,
        payment_intent_data={"metadata": bought},
        success_url="http://127.0.0.1/ok",
    )
    _pay(engine, buying)
    engine.advance_to(engine.world.main_time + 2 * DAY)
    paid = engine.world.load("checkout.session", buying["id"])["payment_intent"]
    _post(engine, "refunds", payment_intent=paid, amount="1900")
    yield
    engine.advance_to(engine.world.main_time + 26 * DAY)
    yield
    subscription = engine.world.load("checkout.session", subscribing["id"])["subscription"]
    _post(engine, f"subscriptions/{subscription}", cancel_at_period_end="true")
    yield


def _post(engine: Engine, path: str, **params: Raw) -> Obj:
    answer = engine.call("POST", f"/v1/{path}", params)
    if answer.status != 200:  # noqa: PLR2004 - what HTTP calls fine
        raise RuntimeError(f"The sandbox refused a step of the story: {answer.body.decode()}")
    return answer.json()


def _pay(engine: Engine, session: Obj) -> None:
    buyer = Buyer(email="ada@example.com", name="Ada", card=card_of("4242424242424242"))
    engine.do(lambda world: complete(world, world.load("checkout.session", session["id"]), buyer))
    engine.advance_to(engine.world.main_time + 1)


def _of_the_catalog(body: bytes) -> bytes:
    """The body with the ids of the catalog that the benchmark's service knows."""
    return re.sub(rb'"prod_[A-Za-z0-9]+"', _PRODUCT, re.sub(rb'"price_[A-Za-z0-9]+"', _PRICE, body))
