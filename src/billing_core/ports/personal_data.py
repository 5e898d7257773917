"""The port of personal data: the one place that has any. Contract: ``billing_contracts.personal_data``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from billing_core.domain.received import Received

__all__ = ["PersonalData"]


class PersonalData(Protocol):
    """What received events hold of a person: the bytes as they came, with names, e-mails and addresses in them."""

    async def events_about(self, event_ids: Collection[str], customer_id: str | None) -> tuple[Received, ...]:
        """The received events of these ids, and those of the customer that are not done with, oldest ``created`` first.

        An event that was applied is known by the id of its fact; one that was not has no fact yet, but names its
        customer.
        """
        ...

    async def forget_payloads(self, received: Collection[Received]) -> int:
        """Remove the bytes of these events, for good, as though their 90 days were over; how many still had any."""
        ...
