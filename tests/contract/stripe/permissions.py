"""Which permission of a restricted key each request takes, as Stripe has it; nothing here is asked of our own code.

Stripe has one line a kind of object in its Dashboard, for reading and for writing: "API keys, Restricted keys".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from billing_stripe import Permission
from billing_stripe.api import Call, Reply, StripeApi
from tests.contract.stripe.requests import Recorder, Request

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "stripe.md"

#: By the beginning of a path: the line of the Dashboard. The longest beginning decides.
LINES = {
    "/v1/account": "Accounts",
    "/v1/billing_portal": "Customer portal",
    "/v1/charges": "Charges and Refunds",
    "/v1/checkout/sessions": "Checkout Sessions",
    "/v1/coupons": "Coupons",
    "/v1/customers": "Customers",
    "/v1/customers/{id}/payment_methods": "PaymentMethods",
    "/v1/disputes": "Disputes",
    "/v1/events": "Events",
    "/v1/invoice_payments": "Invoices",
    "/v1/invoiceitems": "Invoices",
    "/v1/invoices": "Invoices",
    "/v1/payment_intents": "PaymentIntents",
    "/v1/payment_methods": "PaymentMethods",
    "/v1/prices": "Prices",
    "/v1/products": "Products",
    "/v1/promotion_codes": "Promotion codes",
    "/v1/refunds": "Charges and Refunds",
    "/v1/setup_intents": "SetupIntents",
    "/v1/subscription_schedules": "Subscriptions",
    "/v1/subscriptions": "Subscriptions",
    "/v1/test_helpers/test_clocks": "Test clocks",
    "/v1/webhook_endpoints": "Webhook Endpoints",
}
#: What comes along in an answer is read, too. By the last word of ``expand``.
EXPANDED = {
    "payment_intent": "PaymentIntents",
    "payments": "Invoices",
    "refunds": "Charges and Refunds",
    "product": "Products",
    "discount": "Coupons",
    "discounts": "Coupons",
    "coupon": "Coupons",
}
#: Posted, but nothing is written by it.
READING_POSTS = {"/v1/invoices/create_preview"}
#: Whoever may write webhook endpoints may read them.
_READ_BY_WRITING = {"Webhook Endpoints: read"}
_WORDS = {word for path in (*LINES, *READING_POSTS) for word in path.split("/")}


def documented() -> set[str]:
    """The permissions of the table in the reference."""
    table = REFERENCE.read_text(encoding="utf-8").split("## The restricted key")[1].split("\n## ")[0]
    return set(re.findall(r"`([^`]+: (?:read|write))`", table))


def taken_by(request: Request) -> Iterator[str]:
    """What a request takes: first for its own object, then for what is to come along."""
    path = "/".join(word if word in _WORDS else "{id}" for word in request.path.split("/"))
    begins = [one for one in LINES if path == one or path.startswith(f"{one}/")]
    if not begins:
        raise LookupError(f"{request.method} {request.path}: nobody has said which permission this takes.")
    writes = request.method != "get" and path not in READING_POSTS
    yield f"{LINES[max(begins, key=len)]}: {'write' if writes else 'read'}"
    for wanted in request.params.get("expand", {}).values():
        yield f"{EXPANDED[wanted.rpartition('.')[2]]}: read"


class KeptApi(StripeApi):
    """Stripe, with a memory of the permissions that our code says it needs, for each request that was sent."""

    def __init__(self, api_key: str, *, base_url: str, recorder: Recorder) -> None:
        super().__init__(api_key, base_url=base_url, http_client=recorder)
        self.said: list[tuple[Permission, list[Request]]] = []
        self._recorder = recorder

    async def change(self, call: Call, *, key: str | None, needs: Permission) -> Reply:
        """Note, and change."""
        begun = len(self._recorder.requests)
        try:
            return await super().change(call, key=key, needs=needs)
        finally:
            self.said.append((needs, self._recorder.requests[begun : begun + 1]))

    async def ask(self, call: Call, *, needs: Permission) -> Reply:
        """Note, and ask."""
        begun = len(self._recorder.requests)
        try:
            return await super().ask(call, needs=needs)
        finally:
            self.said.append((needs, self._recorder.requests[begun : begun + 1]))

    def faults(self) -> list[str]:
        """Where what was said is not what it takes, or the reference does not list it."""
        listed = documented()
        found = []
        for needs, requests in self.said:
            for request in requests:
                takes = list(taken_by(request))
                where = f"{request.method} {request.path}"
                if takes[0] != needs and takes[0] not in _READ_BY_WRITING:
                    found.append(f"{where} takes {takes[0]}, not {needs}")
                found += [
                    f"{where} takes {one}, which the reference does not list"
                    for one in {*takes} - listed - _READ_BY_WRITING
                ]
        return found
