"""Labels: the metadata of ours on the provider's objects."""

from __future__ import annotations

from attrs import frozen

__all__ = ["Labels"]


@frozen(kw_only=True)
class Labels:
    """The metadata of ours that an object carries. Untrusted: it only fills gaps, it never overrides."""

    user_id: str | None = None
    plan_id: str | None = None
    purchase_id: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    #: The operation of ours that made the object.
    operation_id: str | None = None
