"""Pauses as rows."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import msgspec

from billing_core.domain.pauses import Pause, PauseState

__all__ = ["PauseRow"]


class PauseRow(msgspec.Struct, kw_only=True):
    """A row of ``pauses``; ``due_at`` is written for its index."""

    id: str
    user_id: str
    subscription_id: str
    stripe_subscription_id: str
    state: PauseState
    starts_at: datetime
    resumes_at: datetime | None
    due_at: datetime | None
    requested_at: datetime

    @classmethod
    def of(cls, pause: Pause) -> Self:
        """How it is stored."""
        return cls(
            id=pause.id,
            user_id=pause.user_id,
            subscription_id=pause.subscription_id,
            stripe_subscription_id=pause.stripe_subscription_id,
            state=pause.state,
            starts_at=pause.starts_at,
            resumes_at=pause.resumes_at,
            due_at=pause.due_at,
            requested_at=pause.requested_at,
        )

    def to_domain(self) -> Pause:
        """What is stored."""
        return Pause(
            id=self.id,
            user_id=self.user_id,
            subscription_id=self.subscription_id,
            stripe_subscription_id=self.stripe_subscription_id,
            state=self.state,
            starts_at=self.starts_at,
            resumes_at=self.resumes_at,
            requested_at=self.requested_at,
        )
