"""The rules and the use cases in a plain program. It needs nothing but `pip install billing-core`.

First the rules alone, as functions on values. Then a purchase from checkout to access on the fakes that ship with the
library, where the provider, the database and the clock are Python objects.
"""

import asyncio
from datetime import UTC, datetime, timedelta

from billing_core import (
    BillingCalendar,
    Caller,
    Interval,
    Item,
    Money,
    Plan,
    RefundPolicy,
    RefundQuestion,
    Resource,
    ResourceType,
    RetryPolicy,
    change_between,
    refundability,
)
from billing_core.use_cases.apply_catalog import ApplyCatalog
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.carry_out import CarryOut
from billing_core.use_cases.create_purchase import CreatePurchase
from billing_core.use_cases.decide_access import DecideAccess
from billing_core.use_cases.known_access import StoredAccess
from billing_core.use_cases.receive_event import ReceiveEvent
from billing_core.use_cases.remembered_catalog import RememberedCatalog
from billing_memory import (
    CatalogPriceBook,
    FakeProvider,
    ManualClock,
    MemoryAccessCache,
    MemoryUnitsOfWork,
    SequentialIds,
)

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
COURSE = Item(resource=Resource(ResourceType.COURSE, "k8s-101"), name="Kubernetes", price=Money(4900, "usd"))


def rules() -> None:
    """Values in, values out: no clock, no database, no network."""
    calendar = BillingCalendar(anchor=NOON, interval=Interval.MONTH)
    months = [f"{calendar.boundary(index):%d %B}" for index in range(3)]
    print(f"A month from the 31st: {', '.join(months)}.")

    shares = Money(10000, "usd").allocate([1, 1, 1])
    print(f"100.00 USD in three: {', '.join(map(str, shares))}.")

    monthly = Plan(id="pro-monthly", name="Pro", price=Money(2900, "usd"), interval=Interval.MONTH)
    yearly = Plan(id="pro-yearly", name="Pro", price=Money(29000, "usd"), interval=Interval.YEAR)
    print(f"From {monthly.id} to {yearly.id} is a {change_between(monthly, 1, yearly, 1)}.")

    for days in (29, 30):
        answer = refundability(
            RefundQuestion(
                paid_at=NOON,
                policy=RefundPolicy(window_days=30),
                captured=Money(4900, "usd"),
                refunded=Money(0, "usd"),
                disputed=Money(0, "usd"),
                asked_at=NOON + timedelta(days=days),
            )
        )
        print(f"A refund after {days} days: {answer.refusal or answer.refundable}")


async def purchase() -> None:
    """A learner buys a course: intent, call and settle, the webhook, and what it opens."""
    units, cache, clock, ids = MemoryUnitsOfWork(), MemoryAccessCache(), ManualClock(NOON), SequentialIds()
    provider, books = FakeProvider(clock), Bookkeeper(clock=clock, cache=cache)
    carry_out = CarryOut(
        units=units,
        books=books,
        provider=provider,
        lookup=provider,
        clock=clock,
        ids=ids,
        retries=RetryPolicy(),
        wait=asyncio.sleep,
    )
    apply_catalog = ApplyCatalog(units=units, books=books, provider=provider, clock=clock)
    create_purchase = CreatePurchase(
        units=units, books=books, carry_out=carry_out, prices=CatalogPriceBook(), clock=clock, ids=ids
    )
    receive_event = ReceiveEvent(
        units=units, books=books, verifier=provider, clock=clock, real_clock=clock, retries=RetryPolicy()
    )
    decide_access = DecideAccess(
        stored=StoredAccess(units, cache), cache=cache, catalogs=RememberedCatalog(units, cache), clock=clock
    )

    await apply_catalog([], [COURSE], actor="example")
    ann = Caller("ann")
    bought = await create_purchase(ann, COURSE.resource, "https://example.com/ok", "https://example.com/no")
    print(f"{ann.user_id} is asked for {bought.price} at {bought.checkout_url}.")

    provider.buyers.pay(bought.stripe_session_id or "")
    for delivery in provider.take_deliveries():
        await receive_event(delivery.payload, provider.signature_of(delivery.payload, clock.now()))

    (decision,) = await decide_access(ann, "ann", [COURSE.resource])
    print(f"{ann.user_id} may open {COURSE.name}: {decision.allowed}, {decision.reason}.")


if __name__ == "__main__":
    rules()
    asyncio.run(purchase())
