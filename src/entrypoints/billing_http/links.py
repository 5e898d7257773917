"""Links: which answer holds what the next request needs. For people who read the document, and tests that follow it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

__all__ = ["LINKS", "Link"]


@frozen
class Link:
    """From the answer of one operation to a request of another."""

    name: str
    operation_id: str
    #: Where the parameters are in the answer, or in the request that it answers, by name.
    parameters: Mapping[str, str]

    def document(self) -> dict[str, Any]:
        """As OpenAPI writes it."""
        return {"operationId": self.operation_id, "parameters": dict(self.parameters)}


def _all(parameters: Mapping[str, str], **operations: str) -> tuple[Link, ...]:
    return tuple(Link(name, operation_id, parameters) for name, operation_id in operations.items())


_OF_PURCHASE = {"status": "get_purchase_status", "refund": "refund_purchase"}
_OF_SUBSCRIPTION = {
    "cancel": "cancel_subscription",
    "pause": "pause_subscription",
    "resume": "resume_subscription",
    "change": "change_subscription",
    "preview": "preview_subscription_change",
    "redeem": "apply_promotion_code",
    "full_price": "end_discount",
}
_OF_USER = (
    *_all(
        {"user_id": "$request.path.user_id"},
        grants="list_grants",
        subscription="get_subscription_status",
        purchases="list_purchases",
    ),
    *_all({"id": "$request.path.user_id"}, payment_methods="list_payment_methods"),
)
_OF_METHOD = {"default": "set_default_payment_method", "remove": "detach_payment_method"}

#: By the operation whose answer they begin at.
LINKS: dict[str, tuple[Link, ...]] = {
    "create_purchase": _all({"id": "$response.body#/purchase_id"}, **_OF_PURCHASE),
    "list_purchases": _all({"id": "$response.body#/purchases/0/id"}, **_OF_PURCHASE),
    "get_subscription_status": _all({"id": "$response.body#/subscription/id"}, **_OF_SUBSCRIPTION),
    "list_payment_methods": _all({"id": "$response.body#/payment_methods/0/id"}, **_OF_METHOD),
    "attach_payment_method": _all({"id": "$response.body#/id"}, **_OF_METHOD),
    "check_access": _OF_USER,
    "grant_by_hand": (
        *_OF_USER,
        *_all({"user_id": "$request.path.user_id", "id": "$response.body#/source/id"}, revoke="revoke_grant"),
    ),
}
