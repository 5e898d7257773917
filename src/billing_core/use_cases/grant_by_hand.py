"""Grant by hand, and revoke it: for support staff."""

from __future__ import annotations

from datetime import datetime

from attrs import evolve, frozen

from billing_core.domain.access import Grant, ManualGrant, manual_grant_rows
from billing_core.domain.audit import Cause
from billing_core.domain.callers import Caller
from billing_core.domain.errors import InvalidValue, NotFound
from billing_core.domain.ids import require_uuid
from billing_core.domain.resources import Resource, require_id
from billing_core.ports.clock import Clock
from billing_core.ports.ids import IdSource
from billing_core.ports.unit_of_work import UnitOfWork, UnitsOfWork
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.patience import Patience

__all__ = ["GrantByHand", "RevokeGrant"]


@frozen(kw_only=True)
class GrantByHand:
    """Open something to a user without a payment."""

    units: UnitsOfWork
    books: Bookkeeper
    patiently: Patience
    clock: Clock
    ids: IdSource

    async def __call__(
        self, caller: Caller, user_id: str, resource: Resource, *, reason: str, expires_at: datetime | None = None
    ) -> Grant:
        """The grant. ``expires_at`` (UTC) is the first moment without it; None for ever.

        Raises `Forbidden` for anyone but support staff, and `InvalidValue` without a reason or with a time that
        has passed.
        """
        caller.require_admin()
        require_id(user_id, "user_id")
        now = self.clock.now()
        if not reason.strip():
            raise InvalidValue("A grant by hand needs a reason.", field="reason")
        if expires_at is not None and expires_at <= now:
            raise InvalidValue("A grant cannot end before it begins.", field="expires_at")
        grant = ManualGrant(
            id=self.ids.new(),
            user_id=user_id,
            resource=resource,
            reason=reason,
            granted_by=caller.user_id,
            granted_at=now,
            expires_at=expires_at,
        )
        return await self.patiently(lambda: self._give(caller, grant))

    async def _give(self, caller: Caller, grant: ManualGrant) -> Grant:
        user_id, now = grant.user_id, grant.granted_at
        cause = Cause(kind="grant", id=grant.id, actor=caller.user_id, reason=grant.reason)
        async with self.units() as uow:
            await uow.prepare_user(user_id)
            made = await _made_before(uow, caller, user_id)
            if made is not None:
                return manual_grant_rows([made])[0]
            await uow.manual_grants.save(grant)
            if caller.request is not None:
                await uow.idempotency_keys.tie(caller.request, grant.id)
            taken = await self.books.derive_again(uow, user_id, cause, now)
            await self.books.commit(uow, taken)
        return manual_grant_rows([grant])[0]


async def _made_before(uow: UnitOfWork, caller: Caller, user_id: str) -> ManualGrant | None:
    """The grant that an earlier attempt under the caller's idempotency key made."""
    made = caller.request.effect_id if caller.request else None
    return next((grant for grant in await uow.manual_grants.of_user(user_id) if grant.id == made), None)


@frozen(kw_only=True)
class RevokeGrant:
    """Take a grant by hand back."""

    units: UnitsOfWork
    books: Bookkeeper
    patiently: Patience
    clock: Clock

    async def __call__(self, caller: Caller, user_id: str, grant_id: str, *, reason: str | None = None) -> None:
        """Revoke it; one that is revoked already stays so. Raises `Forbidden` or `NotFound`."""
        caller.require_admin()
        identity = require_uuid(grant_id)
        cause = Cause(kind="grant", id=identity, actor=caller.user_id, reason=reason or "revoked")
        await self.patiently(lambda: self._take_back(user_id, identity, cause))

    async def _take_back(self, user_id: str, identity: str, cause: Cause) -> None:
        now = self.clock.now()
        async with self.units() as uow:
            await uow.prepare_user(user_id)
            found = next((one for one in await uow.manual_grants.of_user(user_id) if one.id == identity), None)
            if found is None:
                raise NotFound
            if found.revoked_at is not None:
                return
            await uow.manual_grants.save(evolve(found, revoked_at=now))
            taken = await self.books.derive_again(uow, user_id, cause, now)
            await self.books.commit(uow, taken)
