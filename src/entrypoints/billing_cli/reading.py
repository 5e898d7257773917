"""Reading what stands on a command line: things that can be opened, moments, amounts."""

from __future__ import annotations

from datetime import UTC, datetime

from billing_cli.failures import WrongUsage
from billing_core.domain.errors import InvalidValue
from billing_core.domain.money import Money
from billing_core.domain.resources import Resource, ResourceType

__all__ = ["moment_of", "money_of", "need_moment", "resource_of"]


def resource_of(text: str) -> Resource:
    """``course:k8s-101`` or ``platform:*``. Raises `WrongUsage`."""
    kind, colon, identity = text.partition(":")
    if not colon or kind not in set(ResourceType):
        raise WrongUsage(f"{text!r} names nothing: write a type and an id, such as course:k8s-101 or platform:*.")
    try:
        return Resource(ResourceType(kind), identity)
    except InvalidValue as error:
        raise WrongUsage(error.message) from error


def moment_of(text: str | None) -> datetime | None:
    """A moment such as ``2026-11-22`` or ``2026-11-22T20:59:00Z``, UTC unless it says otherwise; None for none."""
    return None if text is None else need_moment(text)


def need_moment(text: str) -> datetime:
    """A moment, as `moment_of` reads it. Raises `WrongUsage`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUsage(f"{text!r} is no time: write it as 2026-11-22T20:59:00Z, or a day as 2026-11-22.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def money_of(amount: int | None, currency: str) -> Money | None:
    """So many minor units; None for none."""
    return None if amount is None else Money(amount, currency)
