"""Reconcile: compare with the provider, object by object, and mend what differs through facts.

A run goes customer by customer and writes down how far it is, so one that was killed goes on where it was, for a day.
What was lost longer ago than the provider's event log goes back is found all the same: it is objects that
are compared. Only the run over what changed lately reads the log, to know which objects to ask for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime, timedelta

from attrs import evolve, field, frozen

from billing_core.domain.errors import NotFound, ProviderAccountMismatch, ReconciliationRunning
from billing_core.domain.facts import (
    DiscountSeen,
    ObjectKind,
    ObjectRef,
    PriceSeen,
    Snapshot,
    SubscriptionSeen,
    ref_of,
)
from billing_core.domain.folding import ObjectState
from billing_core.domain.reconciliation import Finding, Found, LeftOut, Progress, differences_of
from billing_core.ports.clock import Clock
from billing_core.ports.provider import ProviderLookup
from billing_core.ports.provider_listing import Change, ProviderListing
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from billing_core.use_cases.fact_intake import GUEST
from billing_core.use_cases.reconcile_apart import ReconcileApart, in_order
from billing_core.use_cases.reconcile_at_large import suspects_at_large
from billing_core.use_cases.reconcile_links import untold_links
from billing_core.use_cases.reconcile_object import ReconcileObject
from billing_core.use_cases.taking_turns import Failure, SomeFailed

__all__ = ["LOG_KEPT", "Reconcile", "Step"]

#: For so long the provider keeps its log of events.
LOG_KEPT = timedelta(days=30)
_LEASE = timedelta(seconds=30)
#: A run that was left off longer ago says nothing of today: what it compared then has changed since.
_GOES_ON_WITHIN = timedelta(days=1)
_BATCH = 100
#: Events of these last seconds are read again by the next run: the log may show them late.
_OVERLAP = timedelta(minutes=2)
_CATALOG, _USERS, _STRANGERS, _AT_LARGE = "catalog", "users", "strangers", "at large"
#: More of them than these are for a run over everything: something is wrong with all.
_LEFT_OUT_MAX = 1_000


@frozen(kw_only=True)
class Step:
    """A part of a run that is done."""

    progress: Progress
    #: Whose objects were compared: a user, or a customer without one; empty for the catalog and for single objects.
    whose: str = ""
    findings: tuple[Finding, ...] = ()
    #: How many users there are in all, and how many of them are done.
    users: int = 0
    users_done: int = 0


@frozen(kw_only=True)
class Reconcile:
    """Compare what we know with what the provider has. Every method raises what the provider's ports may raise."""

    units: UnitsOfWork
    objects: ReconcileObject
    lookup: ProviderLookup
    listing: ProviderListing
    #: Business time, which events are told in; and real time, which leases are counted in.
    clock: Clock
    real_clock: Clock
    #: How often the worker looks at what changed.
    every: timedelta
    _unanswered: set[ObjectRef] = field(factory=set, init=False, repr=False)

    async def user(self, user_id: str, *, actor: str, dry_run: bool) -> tuple[Finding, ...]:
        """Everything of one user, as a customer or as a guest.

        Raises `NotFound` for one of whom nothing is known, and `ProviderAccountMismatch`.
        """
        await self._require_account()
        async with self.units() as uow:
            if not await _is_known(uow, user_id):
                raise NotFound(f"Nothing is known of {user_id!r}. Link a customer to them first.")
        return await self._user(user_id, actor, dry_run=dry_run)

    async def everything(self, *, actor: str, worker: str, dry_run: bool) -> AsyncIterator[Step]:
        """The catalog, every user, every customer of the provider's that we never heard of, and what is at large.

        Goes on where a run that was killed within the last day left off. Raises `ProviderAccountMismatch`, and
        `ReconciliationRunning` while another process is at it.
        """
        await self._require_account()
        users = await self._users()
        progress = await self._begun("everything, dry" if dry_run else "everything", worker, since=None)
        try:
            async for step in self._everything(progress, users, actor, dry_run=dry_run):
                progress = await self._kept(step.progress, worker)
                yield step
            await self._kept(evolve(progress, finished_at=self.clock.now()), worker)
        finally:
            await self._free(progress.name, worker)

    async def since(self, since: datetime, *, actor: str, worker: str, dry_run: bool) -> AsyncIterator[Step]:
        """Every object of which the provider's log has an event since ``since`` (UTC), else like `everything`.

        Where the log does not go back so far, everything is compared.
        """
        if since < self.clock.now() - LOG_KEPT:
            async for step in self.everything(actor=actor, worker=worker, dry_run=dry_run):
                yield step
            return
        await self._require_account()
        progress = await self._begun("since, dry" if dry_run else "since", worker, since=since)
        seen: set[ObjectRef] = set()
        try:
            async for batch in _batches(self.listing.changes(since, progress.cursor)):
                owners = {ref: whose for ref, whose in _owners(batch).items() if ref not in seen}
                seen |= owners.keys()
                findings = await self._each(owners, actor, dry_run=dry_run)
                links = await untold_links(self.units, self.lookup, [one.ref for one in findings])
                findings += await self._each(links, actor, dry_run=dry_run)
                progress = _counted(evolve(progress, cursor=batch[-1].event_id), findings, compared=len(owners))
                await self._kept(progress, worker)
                yield Step(progress=progress, findings=findings)
            await self._kept(evolve(progress, finished_at=self.clock.now()), worker)
        finally:
            await self._free(progress.name, worker)

    async def recent(self, worker: str) -> int:
        """What the provider's log tells since the last run and we do not know; how many objects were mended.

        Does nothing while another worker is at it, and before `every` is over. An object all of whose events
        are known needs no asking: its facts are the same, and so is what they add up to. Only what ties a payment in
        vain to its invoice is in no event, and asked for besides. Of what nothing can be found out, `SomeFailed` tells
        in the end; the next run asks for it again.
        """
        now = self.clock.now()
        async with self.units() as uow:
            progress = await uow.reconciliations.take("recent", worker, self.real_clock.now(), _LEASE)
            await uow.commit()
        if progress is None:
            return 0
        try:
            if progress.finished_at is not None:
                if now < progress.begun_at + self.every:
                    return 0
                since, left_out = progress.begun_at - _OVERLAP, progress.left_out
                progress = Progress(name="recent", begun_at=now, since=since, left_out=left_out)
            await self._require_account()
            return await self._recent(evolve(progress, since=progress.since or now - LOG_KEPT), worker)
        finally:
            await self._free("recent", worker)

    async def _recent(self, progress: Progress, worker: str) -> int:
        apart = ReconcileApart(units=self.units, objects=self.objects, lookup=self.lookup, unanswered=self._unanswered)
        mended, failures, still_left_out = 0, list[Failure](), dict[ObjectRef, LeftOut]()

        async def mend(owners: Mapping[ObjectRef, str | None], progress: Progress) -> Progress:
            nonlocal mended
            came_of_it = await apart(owners, worker)
            mended += sum(finding.mended for finding in came_of_it.findings)
            failures.extend(came_of_it.failures)
            still_left_out.update({one.ref: one for one in came_of_it.left_out})
            return _counted(progress, came_of_it.findings, compared=len(owners))

        if progress.left_out:
            progress = await mend({one.ref: one.customer_id for one in progress.left_out}, progress)
        async for batch in _batches(self.listing.changes(progress.since or progress.begun_at, progress.cursor)):
            async with self.units() as uow:
                known = {fact.id for fact in await uow.facts.of_objects({change.ref for change in batch})}
            missed = _owners([change for change in batch if change.event_id not in known])
            progress = await mend(missed, evolve(progress, cursor=batch[-1].event_id))
            progress = evolve(progress, left_out=tuple(still_left_out.values())[:_LEFT_OUT_MAX])
            await self._kept(progress, worker)
        left_out = tuple(still_left_out.values())[:_LEFT_OUT_MAX]
        await self._kept(evolve(progress, left_out=left_out, finished_at=self.clock.now()), worker)
        if failures:
            raise SomeFailed(failures, mended)
        return mended

    async def _everything(
        self, progress: Progress, users: list[str], actor: str, *, dry_run: bool
    ) -> AsyncIterator[Step]:
        done = 0
        named: set[ObjectRef] = set()
        if progress.part in {"", _CATALOG}:
            findings = await self._catalog(actor, dry_run=dry_run)
            named |= {one.ref for one in findings}
            progress = evolve(_counted(progress, findings), part=_USERS, cursor="")
            yield Step(progress=progress, findings=findings, users=len(users))
        if progress.part == _USERS:
            for done, user_id in enumerate(users, start=1):
                if user_id <= progress.cursor:
                    continue
                findings = await self._user(user_id, actor, dry_run=dry_run)
                named |= {one.ref for one in findings}
                progress = evolve(_counted(progress, findings), cursor=user_id)
                yield Step(progress=progress, whose=user_id, findings=findings, users=len(users), users_done=done)
            progress = evolve(progress, part=_STRANGERS, cursor="")
        if progress.part == _STRANGERS:
            async for step in self._strangers(progress, len(users), actor, dry_run=dry_run):
                progress = step.progress
                named |= {one.ref for one in step.findings}
                yield step
            progress = evolve(progress, part=_AT_LARGE, cursor="")
        suspects = await suspects_at_large(self.units, self.listing)
        if dry_run:  # what was named with its customer is as it was, and is not named again
            suspects = {ref: owner for ref, owner in suspects.items() if ref not in named}
        if suspects:
            findings = await self._each(suspects, actor, dry_run=dry_run)
            progress = _counted(progress, findings, compared=len(suspects))
            yield Step(progress=progress, findings=findings, users=len(users), users_done=len(users))

    async def _strangers(self, progress: Progress, users: int, actor: str, *, dry_run: bool) -> AsyncIterator[Step]:
        async for customer_id in self.listing.customers(progress.cursor):
            progress = evolve(progress, cursor=customer_id)
            async with self.units() as uow:
                if await uow.customers.user_of(customer_id) is not None:
                    continue
            findings = await self._customer(customer_id, actor, dry_run=dry_run)
            progress = _counted(progress, findings)
            yield Step(progress=progress, whose=customer_id, findings=findings, users=users, users_done=users)

    async def _catalog(self, actor: str, *, dry_run: bool) -> tuple[Finding, ...]:
        """The prices that our plans name, then the products of these. What else is sold is compared at large."""
        async with self.units() as uow:
            refs = set((await uow.catalogs.load()).price_refs())
        of_prices = await self._each(dict.fromkeys(refs), actor, dry_run=dry_run)
        async with self.units() as uow:
            prices = [state.snapshot for state in await uow.objects.get(refs)]
        products = {ObjectRef(ObjectKind.PRODUCT, one.product_id) for one in prices if isinstance(one, PriceSeen)}
        return (*of_prices, *await self._each(dict.fromkeys(products), actor, dry_run=dry_run))

    async def _user(self, user_id: str, actor: str, *, dry_run: bool) -> tuple[Finding, ...]:
        async with self.units() as uow:
            customer_id = await uow.customers.customer_of(user_id)
            as_guest = await uow.objects.of_customer(f"{GUEST}{user_id}")
        findings = await self._each(dict.fromkeys(state.ref for state in as_guest), actor, dry_run=dry_run)
        if customer_id is None:
            return findings
        return (*findings, *await self._customer(customer_id, actor, dry_run=dry_run))

    async def _customer(self, customer_id: str, actor: str, *, dry_run: bool) -> tuple[Finding, ...]:
        theirs = {ref_of(snapshot): snapshot async for snapshot in self.listing.of_customer(customer_id)}
        async with self.units() as uow:
            ours = {state.ref: state for state in await uow.objects.of_customer(customer_id)}
        named = {ref for snapshot in theirs.values() for ref in _methods_named(snapshot)} - theirs.keys() - ours.keys()
        suspects = _suspects(ours, theirs) | named
        bought = _bought([*(state.snapshot for state in ours.values()), *theirs.values()])
        async with self.units() as uow:
            unheard = bought - {state.ref for state in await uow.objects.get(bought)}
        owners = dict.fromkeys(suspects, customer_id) | dict.fromkeys(unheard)
        return await self._each(owners, actor, dry_run=dry_run)

    async def _each(self, owners: Mapping[ObjectRef, str | None], actor: str, *, dry_run: bool) -> tuple[Finding, ...]:
        """Each of these objects, with whose it is; whoever leads to others first: a payment before its refunds."""
        found = []
        for ref in in_order(owners):
            finding = await self.objects(ref, actor=actor, dry_run=dry_run, customer_id=owners[ref])
            if finding is not None:
                found.append(finding)
        return tuple(found)

    async def _users(self) -> list[str]:
        found: list[str] = []
        async with self.units() as uow:
            while batch := sorted(await uow.accounts.users_with_objects(found[-1] if found else "", 1000)):
                found.extend(batch)
        return found

    async def _require_account(self) -> None:
        """Refuse a key of another account or mode than the first one that this database was compared with."""
        identity = await self.lookup.identity()
        async with self.units() as uow:
            stored = await uow.reconciliations.pin(identity)
            await uow.commit()
        if stored != identity:
            modes = {True: "live", False: "test"}
            raise ProviderAccountMismatch(
                f"The key is of {identity.account_id} in {modes[identity.livemode]} mode, this database of"
                f" {stored.account_id} in {modes[stored.livemode]} mode. Check STRIPE_SECRET_KEY and DATABASE_URL."
            )

    async def _begun(self, name: str, worker: str, *, since: datetime | None) -> Progress:
        """The run of this name: one that was left off, else a new one."""
        async with self.units() as uow:
            progress = await uow.reconciliations.take(name, worker, self.real_clock.now(), _LEASE)
            await uow.commit()
        if progress is None:
            raise ReconciliationRunning
        now = self.clock.now()
        left_off = now - (progress.kept_at or progress.begun_at) > _GOES_ON_WITHIN
        if left_off or progress.finished_at is not None or progress.since != since:
            return Progress(name=name, begun_at=now, since=since)
        return progress

    async def _kept(self, progress: Progress, worker: str) -> Progress:
        progress = evolve(progress, kept_at=self.clock.now())
        async with self.units() as uow:
            if not await uow.reconciliations.save(progress, worker, self.real_clock.now(), _LEASE):
                raise ReconciliationRunning
            await uow.commit()
        return progress

    async def _free(self, name: str, worker: str) -> None:
        async with self.units() as uow:
            await uow.reconciliations.free(name, worker)
            await uow.commit()


def _methods_named(snapshot: Snapshot) -> Iterable[ObjectRef]:
    """The payment methods that an object names: one that was detached is named still, and no list shows it."""
    names = (getattr(snapshot, name, None) for name in ("default_payment_method_id", "payment_method_id"))
    return (ObjectRef(ObjectKind.PAYMENT_METHOD, name) for name in names if name)


def _bought(snapshots: Iterable[Snapshot]) -> set[ObjectRef]:
    """The prices that subscriptions name, and the coupons that discounts name, whose terms never change."""
    found: set[ObjectRef] = set()
    for one in snapshots:
        if isinstance(one, DiscountSeen) and one.coupon_id:
            found.add(ObjectRef(ObjectKind.COUPON, one.coupon_id))
        if isinstance(one, SubscriptionSeen):
            found |= {ObjectRef(ObjectKind.PRICE, item.price_id) for item in one.items}
    return found


def _suspects(ours: dict[ObjectRef, ObjectState], theirs: dict[ObjectRef, Snapshot]) -> set[ObjectRef]:
    """What has to be asked for by itself: all but what is surely the same."""
    same = {
        ref
        for ref, state in ours.items()
        if ref in theirs and not state.ambiguous and not differences_of(state.snapshot, theirs[ref])
    }
    ended = {ref for ref, state in ours.items() if _has_ended(state) and ref not in theirs}
    return (ours.keys() | theirs.keys()) - same - ended


def _has_ended(state: ObjectState) -> bool:
    """Whether it is a discount that is known to have ended, which nothing shows any more."""
    return isinstance(state.snapshot, DiscountSeen) and state.snapshot.deleted and not state.ambiguous


def _counted(progress: Progress, findings: Iterable[Finding], *, compared: int = 1) -> Progress:
    found = [finding.found for finding in findings]
    unknown = found.count(Found.UNKNOWN_THERE)
    return evolve(
        progress,
        compared=progress.compared + compared,
        differing=progress.differing + len(found) - unknown,
        unknown=progress.unknown + unknown,
    )


async def _is_known(uow: UnitOfWork, user_id: str) -> bool:
    if await uow.customers.customer_of(user_id) is not None or await uow.orders.of_user(user_id):
        return True
    return bool(await uow.objects.of_customer(f"{GUEST}{user_id}"))


def _owners(changes: Iterable[Change]) -> dict[ObjectRef, str | None]:
    """Whose each of these objects was by the log: the provider's answer may name nobody any more."""
    owners: dict[ObjectRef, str | None] = {}
    for change in changes:
        owners[change.ref] = owners.get(change.ref) or change.customer_id
    return owners


async def _batches(changes: AsyncIterator[Change]) -> AsyncIterator[list[Change]]:
    batch: list[Change] = []
    async for change in changes:
        batch.append(change)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
