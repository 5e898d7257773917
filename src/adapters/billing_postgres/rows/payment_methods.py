"""Rows of ``payment_methods``."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import msgspec

from billing_core.domain.payment_methods import PaymentMethod

__all__ = ["PaymentMethodRow"]


class PaymentMethodRow(msgspec.Struct, kw_only=True):
    """An attached payment method."""

    id: str
    user_id: str
    type: str
    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    fingerprint: str | None
    is_default: bool
    created_at: datetime

    @classmethod
    def of(cls, method: PaymentMethod) -> Self:
        """How it is stored."""
        return cls(
            id=method.id,
            user_id=method.user_id,
            type=method.type,
            brand=method.brand,
            last4=method.last4,
            exp_month=method.exp_month,
            exp_year=method.exp_year,
            fingerprint=method.fingerprint,
            is_default=method.is_default,
            created_at=method.created_at,
        )

    def to_domain(self) -> PaymentMethod:
        """What is stored."""
        return PaymentMethod(
            id=self.id,
            user_id=self.user_id,
            type=self.type,
            brand=self.brand,
            last4=self.last4,
            exp_month=self.exp_month,
            exp_year=self.exp_year,
            fingerprint=self.fingerprint,
            is_default=self.is_default,
            created_at=self.created_at,
        )
