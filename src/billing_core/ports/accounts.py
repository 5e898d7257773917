"""The port of derived accounts: the stored result of `derive`. Contract: ``billing_contracts.accounts``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from billing_core.domain.account import Account

__all__ = ["Accounts"]


class Accounts(Protocol):
    """The rows that an account is stored in: subscriptions, purchases, payments, refunds, invoices, methods, grants."""

    async def load(self, user_id: str) -> Account:
        """The account as it is stored; an empty one for a user without any row. ``unknown_prices`` is not stored."""
        ...

    async def save(self, before: Account, after: Account) -> None:
        """Write the rows that differ between ``before`` and ``after``: new, changed and gone ones, with their endings.

        An ending of a grant that is not there is not kept.
        """
        ...

    async def users_with_endings(self, before: datetime, limit: int) -> Collection[str]:
        """Users with a grant that is not blocked and ended before ``before`` (UTC) untold, the longest ago first."""
        ...

    async def users_with_duplicates(self, limit: int) -> Collection[str]:
        """Users with a second capture for one thing that still has money and that no operation gives back."""
        ...

    async def users_with_objects(self, after_user_id: str, limit: int) -> Collection[str]:
        """Users that have a customer, an order or a grant, ascending from beyond ``after_user_id``."""
        ...
