"""Fact intake: storing facts, folding their objects, and finding whose they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from attrs import evolve

from billing_core.domain.facts import Fact, ObjectRef, labels_of, owners_of
from billing_core.domain.folding import ObjectState, extend, fold
from billing_core.ports.unit_of_work import UnitOfWork

__all__ = ["GUEST", "adopt_orphans", "fold_in", "owner_of", "without_owner"]

#: Stands for the customer of what a user bought without being a customer: ``user:`` and the user's id.
GUEST = "user:"


async def owner_of(uow: UnitOfWork, fact: Fact) -> str | None:
    """The customer that a fact belongs to: named by it, found through its owner, or the guest in its metadata."""
    if fact.customer_id is not None:
        return fact.customer_id
    refs = owners_of(fact.after)
    for state in await uow.objects.get([fact.ref, *refs]):
        if state.customer_id is not None:
            return state.customer_id
    user_id = labels_of(fact.after).user_id
    if user_id is None:
        return None
    return await uow.customers.customer_of(user_id) or f"{GUEST}{user_id}"


def without_owner(facts: Iterable[Fact]) -> dict[str, str]:
    """What has to become known before it is clear whose these facts are, each with the reason in words."""
    lacking: dict[str, str] = {}
    for fact in facts:
        owners = owners_of(fact.after)
        lacking |= {str(owner): f"The {owner.kind} {owner.id} is not known yet." for owner in owners}
        if not owners:
            lacking[f"owner of {fact.ref}"] = f"The {fact.kind} {fact.after.id} names no customer and no user."
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
    known = {state.ref: state for state in await uow.objects.get(new)}
    changed: list[ObjectState] = []
    for ref, added in new.items():
        state = extend(known.get(ref), added[0]) if len(added) == 1 else None
        state = state or fold(await uow.facts.of_objects([ref]))
        if state is not None:
            changed.append(evolve(state, customer_id=customer_id or state.customer_id))
    await uow.objects.save(changed)
    return changed


async def adopt_orphans(uow: UnitOfWork, customer_id: str, found: Collection[ObjectState]) -> list[ObjectState]:
    """The objects whose customer was not known before these became known; they belong to it from now on."""
    adopted: list[ObjectState] = []
    while found:
        orphans = await uow.objects.without_customer([state.ref for state in found])
        found = [evolve(orphan, customer_id=customer_id) for orphan in orphans]
        await uow.objects.save(found)
        adopted.extend(found)
    return adopted
