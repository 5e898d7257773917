"""The metadata that whatever we make at Stripe carries."""

from __future__ import annotations

from billing_core.domain.operations import Operation

__all__ = ["labels_for"]


def labels_for(operation: Operation, **more: str | None) -> dict[str, str]:
    """Metadata that ties an object to its operation, its user and what else is named and known."""
    known = {name: value for name, value in more.items() if value}
    return {"operation_id": operation.id, "user_id": operation.user_id, **known}
