"""What Stripe tells, over HTTP: events about a user of their own, and everything that the API says about them then."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from billing_core.domain.plans import Catalog
from tests.builders import DEVOPS, K8S, plan, usd
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.stripe_json import START, Obj

__all__ = ["BOUGHT", "CATALOG", "Json", "about", "at", "everything", "told"]

Json = Any

CATALOG = Catalog(
    plans=(
        plan("pro-monthly", price_id="price_pro", rank=2),
        plan("basic-monthly", price_id="price_basic", price=usd(900), rank=1),
    ),
    items=(K8S, DEVOPS),
)
#: What a session says that was opened elsewhere: the user and what was bought, but no purchase of ours.
BOUGHT = {"user_id": "ada", "resource_type": "course", "resource_id": "k8s-101"}

_OF_A_USER = re.compile(r"(ada|(evt|cus|sub|sub_sched|si|in|il|inpay|pi|ch|re|du|cs_test|seti|pm|di)_\w+)")


def told(event_type: str, body: Obj, after_seconds: float = 0, previous: Obj | None = None, *, tag: str = "") -> Obj:
    """An event, so many seconds after the beginning; ``tag`` tells it from another one of that moment."""
    identity = f"evt_{body['id']}_{event_type.replace('.', '_')}_{int(after_seconds)}{tag}"
    return make.event(event_type, body, previous, id=identity, created=START + int(after_seconds))


def about(events: Sequence[Obj], user: str) -> list[Obj]:
    """These events, told of another user than Ada: each id is another one, in the same order."""

    def relabelled(value: Json) -> Json:
        if isinstance(value, dict):
            return {name: relabelled(part) for name, part in value.items()}
        if isinstance(value, list):
            return [relabelled(part) for part in value]
        if isinstance(value, str) and _OF_A_USER.fullmatch(value):
            return user if value == "ada" else f"{value}_{user}"
        return value

    return [relabelled(event) for event in events]


#: What the API says about a user, by a name; lists are newest first.
_ASKED = {
    "status": "/api/subscriptions/status/{user}",
    "payments": "/api/payments/history/{user}?limit=100",
    "payment_methods": "/api/payments/methods/{user}",
    "purchases": "/api/purchases/history/{user}?limit=100",
    "invoices": "/api/invoices/{user}?limit=100",
    "grants": "/api/access/{user}",
    "course": "/api/access/{user}/course/k8s-101",
    "platform": "/api/access/{user}/platform/*",
}
#: When a row was written, and how often: the order of arrival decides both.
_OF_THE_DELIVERY = {"version", "updated_at"}


async def everything(
    get: Callable[[str], Awaitable[Json]], user: str, names: Collection[str] = tuple(_ASKED)
) -> dict[str, Json]:
    """All that the API says about a user, or what of it is named, without what tells one delivery from another."""
    found: dict[str, Json] = {}
    for name in _ASKED.keys() & set(names):
        answer = await get(_ASKED[name].format(user=user))
        found[name] = _comparable(answer.get(name, answer))
    return found


def _comparable(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _comparable(part) for name, part in value.items() if name not in _OF_THE_DELIVERY}
    return [_comparable(part) for part in value] if isinstance(value, list) else value


def at(value: Json, path: str) -> Json:
    """What stands at a path such as ``payments.0.status``; None where nothing does."""
    for part in path.split("."):
        if value is None:
            return None
        value = dict(enumerate(value)).get(int(part)) if isinstance(value, list) else value.get(part)
    return value
