"""Callers: who asks, and what that lets them do (domain rule 8)."""

from __future__ import annotations

from enum import StrEnum

from attrs import field, frozen

from billing_core.domain.errors import Forbidden, NotFound
from billing_core.domain.idempotency import RequestKey

__all__ = ["Caller", "Role"]


class Role(StrEnum):
    """What a caller may be besides a user."""

    #: Support staff: reads and changes anyone's.
    ADMIN = "admin"
    #: Another service: reads anyone's.
    SERVICE = "service"


@frozen
class Caller:
    """Who asks: a user, and the roles that their token gives them."""

    user_id: str
    roles: frozenset[Role] = frozenset()
    #: Under which idempotency key they ask, where they gave one; it changes nothing of who they are.
    request: RequestKey | None = field(default=None, kw_only=True, eq=False)
    #: The address that their token vouches for; never stored.
    email: str | None = field(default=None, repr=False, eq=False)

    @property
    def is_admin(self) -> bool:
        """Whether they are support staff."""
        return Role.ADMIN in self.roles

    def may_read(self, user_id: str) -> bool:
        """Whether they may see what is ``user_id``'s."""
        return user_id == self.user_id or bool(self.roles)

    def may_change(self, user_id: str) -> bool:
        """Whether they may change what is ``user_id``'s."""
        return user_id == self.user_id or self.is_admin

    def require_reading(self, user_id: str) -> None:
        """Raises `Forbidden` where they may not see what is ``user_id``'s."""
        if not self.may_read(user_id):
            raise Forbidden

    def require_admin(self) -> None:
        """Raises `Forbidden` for anyone but support staff."""
        if not self.is_admin:
            raise Forbidden

    def require_changing_thing(self, owner_id: str) -> None:
        """Raises as for a thing of ``owner_id``'s that is named by its own id.

        `NotFound` where they may not even see it, so that ids cannot be probed; `Forbidden` where they may
        see but not change it.
        """
        if not self.may_read(owner_id):
            raise NotFound
        if not self.may_change(owner_id):
            raise Forbidden
