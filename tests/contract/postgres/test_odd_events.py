"""Odd events, on PostgreSQL: signed by Stripe, and with something in them that nobody expects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from itertools import islice
from typing import Any

from billing_core.domain.errors import SignatureInvalid
from billing_core.domain.policies import RetryPolicy
from billing_core.domain.received import ReceivedState
from billing_core.use_cases.replay_events import ReplayEvents
from billing_core.use_cases.retry_events import RetryEvents
from billing_postgres import PostgresUnitsOfWork
from billing_stripe.facts import EVENT_KINDS
from billing_stripe.webhooks import StripeWebhookVerifier
from tests.builders import CATALOG
from tests.receiving import SECRET, Receiver
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.readings import READINGS

Path = tuple[str | int, ...]

#: Every so many places are enough for each run; that all of them hold what all of ODD is was seen once.
_STRIDE = 3
#: What stands where something else should. The bottomless list is written into the bytes.
BOTTOMLESS = "the bottomless list"
ODD: tuple[object, ...] = (
    None,
    "\0",
    "a\0b",
    "x" * 1_000_000,
    "\ud800",
    "\u202e\x7f",
    "",
    -1,
    0,
    2**31,
    2**63 - 1,
    10**30,
    1.5,
    True,
    [],
    {},
    [None],
    [[]],
    {"id": None},
    {"id": "\0"},
    {"data": [None]},
    {"data": {}},
    BOTTOMLESS,
)


def places(value: object, at: Path = ()) -> Iterator[Path]:
    """Every place in a JSON value, but for the whole."""
    inside: Iterator[tuple[str | int, object]] = iter(())
    if isinstance(value, dict):
        inside = iter(value.items())
    elif isinstance(value, list):
        inside = iter(enumerate(value))
    for name, part in inside:
        yield (*at, name)
        yield from places(part, (*at, name))


def changed(event: make.Obj, place: Path, value: object) -> make.Obj:
    """The event with another value in one place."""
    copy: Any = deepcopy(event)
    inner = copy
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return dict(copy)


def attacks(turn: int) -> Iterator[make.Obj]:
    """An event of every kind with something odd in each place in turn; ``turn`` chooses what."""
    number = turn
    for kind, (body, _) in READINGS.items():
        event_type = next(name for name, of in EVENT_KINDS.items() if of is kind and not name.endswith("deleted"))
        previous = {name: deepcopy(value) for name, value in body.items() if name not in {"id", "object"}}
        event = make.event(event_type, body, previous)
        for place in places(event):
            number += 1
            odd = changed(event, place, ODD[number % len(ODD)])
            yield odd if place == ("id",) else odd | {"id": f"evt_{turn}_{number}"}


def written(event: make.Obj) -> bytes:
    body = json.dumps(event).encode()
    return body.replace(json.dumps(BOTTOMLESS).encode(), b"[" * 5000 + b"]" * 5000)


async def test_whatever_stands_anywhere_in_an_event_it_is_kept_and_does_no_harm(units: PostgresUnitsOfWork) -> None:
    """It is applied, parked, ignored, or left for a person; and the customer that it names goes on as before."""
    receiver = Receiver(units)
    await receiver.sells(CATALOG)
    good = [make.event(f"{READINGS[kind][0]['object']}.updated", body) for kind, (body, _) in READINGS.items()]
    refused = []
    for event in islice(attacks(turn=0), 0, None, _STRIDE):
        no_event = any(not isinstance(event[at], str) or event[at] in {"", BOTTOMLESS} for at in ("id", "type"))
        try:
            receipt = await receiver.receives_bytes(written(event))
        except SignatureInvalid:
            assert no_event, event
            continue
        if receipt.state in {ReceivedState.FAILED, ReceivedState.STORED}:
            async with units() as uow:
                found = await uow.inbox.get(receipt.event_id)
            refused.append((receipt.event_id, receipt.type, found.error if found else None))
    assert refused == []
    assert (await receiver.states()).get(ReceivedState.DEAD, 0) > 0

    for number, event in enumerate(good):
        receipt = await receiver.receives(event | {"id": f"evt_good_{number}", "created": make.END + number})
        assert receipt.state is not ReceivedState.FAILED, receipt
    assert (await receiver.account("ada")).payments


async def test_what_could_not_be_read_is_read_when_it_is_replayed(units: PostgresUnitsOfWork) -> None:
    """After a repair: here the body is one that today's reader takes, kept by one that did not."""
    receiver = Receiver(units)
    event = make.event("customer.created", make.customer())
    await receiver.receives(event | {"data": {"object": None}})
    async with units() as uow:
        kept = await uow.inbox.get("evt_1")
    assert kept is not None
    assert (kept.state, kept.fact, kept.attempts) == (ReceivedState.DEAD, None, 0)

    repaired = _Repaired(json.dumps(event).encode())
    tries = RetryEvents(
        units=units, books=receiver.books, verifier=repaired, clock=receiver.clock, retries=RetryPolicy()
    )
    replay = ReplayEvents(units=units, tries=tries)
    replayed = await replay("evt_1")
    assert (replayed.state, replayed.error, replayed.attempts) == (ReceivedState.APPLIED, None, 1)
    assert replayed.fact is not None
    assert (await receiver.account("ada")).user_id == "ada"
    assert await replay.all(ReceivedState.DEAD) == []


class _Repaired(StripeWebhookVerifier):
    """A verifier of the next release: it reads what this one did not."""

    def __init__(self, readable: bytes) -> None:
        super().__init__([SECRET], livemode=False)
        self._readable = readable

    def read_again(self, payload: bytes) -> Any:  # noqa: ANN401, ARG002 - a delivery; the bytes are read anew
        """What the bytes say."""
        return super().read_again(self._readable)
