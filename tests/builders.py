"""Builders: small functions that make values for tests, with good defaults. No test writes a dictionary.

Times are days of 2026 (`day`), so that a story reads as a calendar; amounts are minor units of USD unless
said otherwise. The provider's objects are made by `tests.provider_objects`, whole lives by `tests.lives`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from billing_core.domain.access import Grant, ManualGrant, Opened, Source, SourceKind
from billing_core.domain.account import Account, Book, derive
from billing_core.domain.facts import (
    LOOKED_UP,
    Fact,
    Snapshot,
)
from billing_core.domain.folding import ObjectState, fold
from billing_core.domain.ids import derived_id
from billing_core.domain.known import Known
from billing_core.domain.money import Money
from billing_core.domain.periods import Interval
from billing_core.domain.plans import Catalog, Item, Plan
from billing_core.domain.policies import AccessPolicy, RefundPolicy
from billing_core.domain.purchases import Order
from billing_core.domain.resources import EVERYTHING, Resource, ResourceType

ANN = "user-ann"
CUSTOMER = "cus_ann"
#: Midnight (UTC) at which the stories begin.
START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: float, *, hours: float = 0, seconds: int = 0) -> datetime:
    """The moment so many days after the beginning of 2026: ``day(0)`` is 1 January, ``day(31)`` 1 February."""
    return START + timedelta(days=number, hours=hours, seconds=seconds)


def utc(text: str) -> datetime:
    """A moment in UTC, such as ``utc("2026-03-29 01:30")``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def usd(amount: int) -> Money:
    """So many US cents."""
    return Money(amount, "usd")


# ------------------------------------------------------------------------------------------------ what is sold
def course(name: str = "k8s-101") -> Resource:
    """A course."""
    return Resource(ResourceType.COURSE, name)


def path(name: str = "devops") -> Resource:
    """A learning path."""
    return Resource(ResourceType.LEARNING_PATH, name)


def plan(
    slug: str = "pro-monthly",
    *,
    price: Money | None = None,
    interval: Interval = Interval.MONTH,
    interval_count: int = 1,
    grants: Iterable[Resource] = (EVERYTHING,),
    rank: int = 0,
    trial_days: int = 0,
    version: int = 1,
    price_id: str | None = None,
    access: AccessPolicy | None = None,
    effective_from: datetime | None = None,
    active: bool = True,
) -> Plan:
    """A plan; its price at the provider is ``price_`` and the slug."""
    return Plan(
        id=slug,
        version=version,
        name=slug.title(),
        price=price or usd(2900),
        interval=interval,
        interval_count=interval_count,
        rank=rank,
        trial_days=trial_days,
        grants=tuple(grants),
        stripe_price_id=price_id or f"price_{slug}",
        access=access or AccessPolicy(),
        effective_from=effective_from,
        active=active,
    )


PRO = plan("pro-monthly")
TEAM = plan("team-monthly", price=usd(9900), rank=1)
BASIC = plan("basic-monthly", price=usd(900), grants=[course("basics")])
YEARLY = plan("pro-yearly", price=usd(29000), interval=Interval.YEAR)
K8S = Item(resource=course(), name="Kubernetes 101", price=usd(4900))
DEVOPS = Item(resource=path(), name="DevOps path", price=usd(14900), contains=(course(), course("ci")))
CATALOG = Catalog(plans=(PRO, TEAM, BASIC, YEARLY), items=(K8S, DEVOPS))


def order(
    identity: str = "01944b2c-0000-7000-8000-000000000001",
    *,
    resource: Resource | None = None,
    price: Money | None = None,
    refund: RefundPolicy | None = None,
    created: datetime = START,
    given_up_at: datetime | None = None,
) -> Order:
    """What Ann set out to buy: the Kubernetes course for 49 dollars."""
    return Order(
        id=identity,
        user_id=ANN,
        resource=resource or course(),
        name="Kubernetes 101",
        price=price or usd(4900),
        refund=refund or RefundPolicy(),
        given_up_at=given_up_at,
        created_at=created,
    )


# -------------------------------------------------------------------------------------- facts and what they add up to
def told(
    type_: str, after: Snapshot, at: datetime, *, before: Snapshot | None = None, identity: str | None = None
) -> Fact:
    """A fact as an event tells it. Its id follows from what it says, but not in order of time."""
    if identity is None:
        said = repr((type_, at, before, after))
        identity = f"evt_{hashlib.sha256(said.encode()).hexdigest()[:16]}"
    return Fact(id=identity, type=type_, occurred_at=at, after=after, before=before)


def looked_up(after: Snapshot, at: datetime) -> Fact:
    """A fact as the provider answers when it is asked."""
    return told(LOOKED_UP, after, at)


def states(facts: Iterable[Fact]) -> list[ObjectState]:
    """The objects that facts add up to."""
    by_object: dict[object, list[Fact]] = {}
    for fact in facts:
        by_object.setdefault(fact.ref, []).append(fact)
    return [state for group in by_object.values() if (state := fold(group)) is not None]


def seen(*snapshots: Snapshot) -> Known:
    """What is known once each of these objects was seen, at its own creation."""
    return Known(states(told("seen", one, one.created) for one in snapshots))


def account(
    known: Known | Iterable[Fact],
    *,
    orders: Iterable[Order] = (),
    grants: Iterable[ManualGrant] = (),
    catalog: Catalog = CATALOG,
) -> Account:
    """Ann's account, from facts or from what they add up to."""
    return derive(
        Book(
            user_id=ANN,
            known=known if isinstance(known, Known) else Known(states(known)),
            orders=tuple(orders),
            manual_grants=tuple(grants),
            catalog=catalog,
        )
    )


def our_id(snapshot: Snapshot) -> str:
    """Our id of one of the provider's objects."""
    return derived_id(snapshot.created, snapshot.id)


# ---------------------------------------------------------------------------------------------------------- grants
def grant(
    resource: Resource = EVERYTHING,
    *,
    source: str = "s1",
    kind: SourceKind = SourceKind.SUBSCRIPTION,
    start: datetime = START,
    end: datetime | None = None,
    opens: Opened = Opened.SUBSCRIPTION_ACTIVE,
) -> Grant:
    """A grant of everything by a subscription, for ever."""
    return Grant(resource=resource, source=Source(kind, source), granted_at=start, expires_at=end, opens=opens)


def by_hand(
    resource: Resource = EVERYTHING, *, end: datetime | None = None, revoked_at: datetime | None = None
) -> ManualGrant:
    """A grant of everything by hand."""
    return ManualGrant(
        id="01944b2c-0000-7000-8000-00000000000a",
        user_id=ANN,
        resource=resource,
        reason="a prize",
        granted_by="support-sue",
        granted_at=START,
        expires_at=end,
        revoked_at=revoked_at,
    )
