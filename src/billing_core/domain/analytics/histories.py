"""Histories: everything that was told about one customer, object by object and second by second."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Generic, TypeVar, cast

from attrs import frozen

from billing_core.domain.facts import (
    SNAPSHOT_TYPES,
    CouponSeen,
    DiscountSeen,
    Fact,
    ObjectKind,
    ObjectRef,
    Snapshot,
)
from billing_core.domain.folding import Passed, course
from billing_core.domain.known import Known
from billing_core.domain.plans import Catalog

__all__ = ["History", "Stage"]

T = TypeVar("T", bound=Snapshot)


@frozen
class Stage(Generic[T]):
    """An object as it was from one moment on."""

    at: datetime
    seen: T
    #: Since when it has had its status.
    status_since: datetime
    #: Not before when it began to have it, as in `billing_core.domain.folding.ObjectState`.
    status_not_before: datetime | None
    #: The ids of the facts of that second.
    facts: tuple[str, ...]


class History:
    """The facts about one customer, with the coupons that their discounts name. Not to be changed once made."""

    def __init__(
        self, facts: Iterable[Fact], coupons: Iterable[CouponSeen] = (), catalog: Catalog | None = None
    ) -> None:
        self._told: dict[ObjectRef, tuple[Fact, ...]] = _by_object(facts)
        self._courses = {ref: tuple(course(told)) for ref, told in self._told.items()}
        self._stages: dict[ObjectRef, tuple[Stage[Snapshot], ...]] = {}
        self._coupons = {coupon.id: coupon for coupon in coupons}
        #: The objects as they are at the end of it.
        self.known = Known(steps[-1].state for steps in self._courses.values())
        #: What was sold, for what facts do not tell: grace, and prices that were stored before their terms were read.
        self.catalog = catalog or Catalog()

    def and_also(self, facts: Iterable[Fact]) -> History:
        """The history with these facts too: only the objects that they are about are folded anew, from there on."""
        new = _by_object(facts)
        courses = {ref: self._course_with(ref, told) for ref, told in new.items()}
        longer = History((), self._coupons.values(), self.catalog)
        longer._told = self._told | {ref: (*self._told.get(ref, ()), *told) for ref, told in new.items()}
        longer._courses = self._courses | courses
        longer._stages = {ref: stages for ref, stages in self._stages.items() if ref not in new}
        longer.known = self.known.and_also(steps[-1].state for steps in courses.values())
        return longer

    def _course_with(self, ref: ObjectRef, new: Iterable[Fact]) -> tuple[Passed, ...]:
        begins = min(fact.occurred_at for fact in new)
        steps = self._courses.get(ref, ())
        kept = steps[: bisect_left(steps, begins, key=lambda step: step.state.last_at)]
        again = [fact for fact in self._told.get(ref, ()) if fact.occurred_at >= begins]
        return (*kept, *course([*again, *new], kept[-1].state if kept else None))

    def stages(self, kind: type[T], identity: str) -> tuple[Stage[T], ...]:
        """How one object came to be what it is, oldest first."""
        ref = ObjectRef(_KINDS[kind], identity)
        if ref not in self._stages:
            self._stages[ref] = tuple(
                Stage(
                    step.state.last_at,
                    step.state.snapshot,
                    step.state.status_since,
                    step.state.status_not_before,
                    step.facts,
                )
                for step in self._courses.get(ref, ())
                if isinstance(step.state.snapshot, kind)
            )
        return cast("tuple[Stage[T], ...]", self._stages[ref])

    def facts_of(self, kind: type[T], identity: str) -> tuple[str, ...]:
        """The ids of the last facts about one object."""
        steps = self._courses.get(ObjectRef(_KINDS[kind], identity), ())
        return steps[-1].facts if steps else ()

    def coupon_of(self, discount: DiscountSeen) -> CouponSeen | None:
        """The coupon of a discount, where it was told."""
        return discount.coupon or self._coupons.get(discount.coupon_id)


def _by_object(facts: Iterable[Fact]) -> dict[ObjectRef, tuple[Fact, ...]]:
    found: dict[ObjectRef, list[Fact]] = defaultdict(list)
    for fact in facts:
        found[fact.ref].append(fact)
    return {ref: tuple(told) for ref, told in found.items()}


_KINDS: dict[type, ObjectKind] = {snapshot: kind for kind, snapshot in SNAPSHOT_TYPES.items()}
