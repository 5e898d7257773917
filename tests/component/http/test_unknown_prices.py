"""Moved in the Dashboard to a price that no plan is about: whoever pays is not locked out, and somebody is told."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

from attrs import evolve

from billing_core.domain.received import ReceivedState
from tests.builders import plan, usd
from tests.component.http.test_histories import a_told_house, told_to
from tests.event_histories import BEGUN, MONTHS, bill, money, sub
from tests.event_histories import told as told_of
from tests.told_over_http import CATALOG, at
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.stripe_json import Obj

SECRET = "price_secret"
_PRICED = {"type": "price_details", "price_details": {"price": SECRET, "product": "prod_secret"}}
_PERIOD = {"start": MONTHS[1], "end": MONTHS[2]}
#: On 1 September it is renewed at 39.00, by a price that was made for this customer.
MOVED = told_of(
    "customer.subscription.updated", sub(1, SECRET), MONTHS[1], {"items": sub()["items"], "latest_invoice": "in_1"}
)
PAID: list[Obj] = [
    *money(1, MONTHS[1] + 3_605, 3_900),
    told_of(
        "invoice.paid",
        bill(1, amount=3_900) | {"lines": make.listed(make.line(amount=3_900, period=_PERIOD, pricing=_PRICED))},
        MONTHS[1] + 3_605,
    ),
]


async def test_the_plan_that_was_paid_for_stays_until_a_plan_is_about_the_price() -> None:
    """In whatever order it is told; what is paid counts, whatever its price: until 1 October and 72 hours of slack."""
    house = await a_told_house()
    blocks = [BEGUN, [MOVED], PAID]
    answers = []
    for number, order in enumerate(permutations(blocks)):
        answers.append(await told_to(house, [event for block in order for event in block], f"ada{number}"))
        assert answers[-1] == answers[0]
    says = {
        "status.subscription.plan_id": "pro-monthly",
        "status.subscription.status": "active",
        "status.subscription.current_period_end": "2026-10-01T12:00:00Z",
        "platform.expires_at": "2026-10-04T12:00:00Z",
        "payments.0.amount.amount": 3_900,
    }
    assert {path: at(answers[0], path) for path in says} == says
    async with house.units() as uow:
        parked = [one for one in (await uow.inbox.page(None, 1_000)).rows if one.state is ReceivedState.PARKED]
    assert parked
    assert {one.error for one in parked} == {f"No plan maps to the price {SECRET}."}


async def test_what_was_never_of_a_plan_of_ours_opens_nothing() -> None:
    house = await a_told_house()
    begun = [event for event in BEGUN if not event["type"].startswith(("customer.subscription", "invoice."))]
    said = await told_to(
        house, [*begun, told_of("customer.subscription.created", sub(1, SECRET), MONTHS[0]), *PAID], "ada"
    )
    assert (said["status"]["subscription"], said["grants"]) == (None, [])


async def test_once_a_plan_is_about_it_the_plan_is_that_one() -> None:
    house = await a_told_house()
    await told_to(house, [*BEGUN, MOVED, *PAID], "ada")
    ours = plan("ours-alone", price_id=SECRET, price=usd(3_900))
    async with house.units() as uow:
        await uow.catalogs.save(evolve(CATALOG, plans=(*CATALOG.plans, ours)))
        await uow.commit()
    house.clock.advance(timedelta(hours=2))
    while await house.application.retry_events("worker"):
        house.clock.advance(timedelta(hours=2))

    assert at(await told_to(house, [], "ada"), "status.subscription.plan_id") == "ours-alone"
    async with house.units() as uow:
        assert {one.state for one in (await uow.inbox.page(None, 1_000)).rows} == {ReceivedState.APPLIED}
