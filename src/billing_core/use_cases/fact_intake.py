"""Fact intake: storing facts, folding their objects, and finding whose they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from attrs import evolve

from billing_core.domain.facts import Fact, ObjectKind, ObjectRef, labels_of, owners_of, wards_of
from billing_core.domain.folding import ObjectState, extend, fold
from billing_core.ports.unit_of_work import UnitOfWork

__all__ = ["GUEST", "adopt_orphans", "fold_in", "lock_objects", "nobodys", "owner_of", "without_owner"]

#: Stands for the customer of what a user bought without being a customer: ``user:`` and the user's id.
GUEST = "user:"


async def owner_of(uow: UnitOfWork, fact: Fact) -> str | None:
    """The customer that a fact belongs to: named by it, found through its owner, or the guest in its metadata."""
    if fact.customer_id is not None:
        return fact.customer_id
    refs = [fact.ref, *owners_of(fact.after)]
    for find in (uow.objects.get, uow.objects.guardians_of):
        for state in await find(refs):
            if state.customer_id is not None:
                return state.customer_id
    user_id = labels_of(fact.after).user_id
    if user_id is None:
        return None
    return await uow.customers.customer_of(user_id) or f"{GUEST}{user_id}"


async def lock_objects(uow: UnitOfWork, refs: Iterable[ObjectRef]) -> None:
    """Be the only one at work on objects that name no customer: whose they are may be found out by two at once.

    Locked after the customer, where that is known.
    """
    for name in sorted(map(str, refs)):
        await uow.customers.lock_customer(name)


def nobodys(ref: ObjectRef) -> str:
    """What an event about an object waits for that names nobody: to be named by somebody else's."""
    return f"owner of {ref}"


def without_owner(facts: Iterable[Fact]) -> dict[str, str]:
    """What has to become known before it is clear whose these facts are, each with the reason in words."""
    lacking: dict[str, str] = {}
    for fact in facts:
        owners = owners_of(fact.after)
        lacking |= {str(owner): f"The {owner.kind} {owner.id} is not known yet." for owner in owners}
        if not owners:
            lacking[nobodys(fact.ref)] = f"The {fact.kind} {fact.after.id} names no customer and no user."
    return lacking


async def fold_in(
    uow: UnitOfWork, facts: Collection[Fact], now: datetime, customer_id: str | None
) -> list[ObjectState]:
    """Store the facts that are new and fold each of their objects once; the objects that changed.

    A fact that is later than all known ones is put on top; for an earlier one the object is folded again
    from all its facts.
    """
    new: dict[ObjectRef, list[Fact]] = defaultdict(list)
    for fact in facts:
        if await uow.facts.add(fact, now):
            new[fact.ref].append(fact)
    known = {state.ref: state for state in await uow.objects.get({fact.ref for fact in facts})}
    changed: list[ObjectState] = []
    for ref, added in new.items():
        state = extend(known.get(ref), added[0]) if len(added) == 1 else None
        state = state or fold(await uow.facts.of_objects([ref]))
        if state is not None:
            changed.append(_of(state, customer_id or state.customer_id))
    # What is known already, but was nobody's when it came.
    unowned = (state for ref, state in known.items() if ref not in new and state.customer_id is None)
    changed += [evolve(state, customer_id=customer_id) for state in unowned if customer_id is not None]
    await uow.objects.save(changed)
    return changed


def _of(state: ObjectState, customer_id: str | None) -> ObjectState:
    return state if state.customer_id == customer_id else evolve(state, customer_id=customer_id)


async def adopt_orphans(uow: UnitOfWork, customer_id: str, found: Collection[ObjectState]) -> list[ObjectState]:
    """The objects whose customer was not known before these became known; they belong to it from now on."""
    adopted: list[ObjectState] = []
    while found:
        orphans = {state.ref for state in await _orphans_of(uow, found)}
        await lock_objects(uow, orphans)  # then read again: one may have learned something, or found its customer
        still = [state for state in await uow.objects.get(orphans) if state.customer_id is None]
        found = [evolve(orphan, customer_id=customer_id) for orphan in still]
        await uow.objects.save(found)
        adopted.extend(found)
    return adopted


async def _orphans_of(uow: UnitOfWork, found: Collection[ObjectState]) -> list[ObjectState]:
    wards = {state.ref: wards_of(state.snapshot) for state in found}
    named = [ref for state in found for ref in wards[state.ref]]
    orphans = list(await uow.objects.without_customer([*(state.ref for state in found), *named]))
    of_guests = [ref for state in found if state.ref.kind is ObjectKind.SESSION for ref in wards[state.ref]]
    return orphans + [state for state in await uow.objects.get(of_guests) if state.customer_id is None]
