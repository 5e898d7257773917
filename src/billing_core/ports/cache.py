"""The cache port: what may be lost at any time. Contract: ``billing_contracts.cache``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, Protocol

from billing_core.domain.access import UserAccess

__all__ = ["CATALOG", "AccessCache"]

#: Under this name, which no user can have, the version of the catalog is kept like that of a user: without any grants.
CATALOG: Final = "\x00catalog"


class AccessCache(Protocol):
    """What is asked of users all the time, for seconds. Never raises: a cache that is away knows nothing.

    A value is marked stale before the commit that changes it and put after it; a put never replaces a newer
    version and is refused while the value is marked stale, unless it is the version that was announced.
    Not every change has a version of its own: of two at once with the same one, neither result is remembered.
    """

    async def get(self, user_id: str) -> UserAccess | None:
        """The grants and the subscription of a user, where they are known and not stale."""
        ...

    async def get_all(self, user_ids: Sequence[str]) -> tuple[UserAccess | None, ...]:
        """The same of several, in this order, at the price of one."""
        ...

    def moment(self) -> float:
        """The present moment, for `put`: seconds of a clock of this process that never goes back."""
        ...

    async def put(self, accesses: Collection[UserAccess], begun_at: float) -> None:
        """Remember what was read, of any number of users, by somebody who began to at that `moment`.

        Nothing that took seconds: as long as the traces of a change that came meanwhile.
        """
        ...

    async def mark_stale(self, user_ids: Collection[str]) -> str:
        """Forget these users, and take no value read before this moment, until it is lifted or seconds have passed.

        Gives the mark to lift: there may be others on the same users.
        """
        ...

    async def lift(self, accesses: Collection[UserAccess], mark: str) -> None:
        """The changes that `mark_stale` announced by this mark are committed: remember the results.

        Late or not, it lifts no other mark; and too late it replaces no result of the same version.
        """
        ...
