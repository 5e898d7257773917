"""Customers."""

from __future__ import annotations

import stripe

from billing_core.domain.facts import ObjectKind
from billing_core.domain.operations import Answer, CreateCustomer
from billing_stripe.calls.labels import labels_for
from billing_stripe.permissions import Permission
from billing_stripe.steps import MAIN, Steps

__all__ = ["create_customer"]


async def create_customer(steps: Steps, command: CreateCustomer) -> Answer:
    """Make the user's customer. It carries no name and no address: the checkout page asks for what it needs."""
    params: stripe.params.CustomerCreateParams = {
        "metadata": {**labels_for(steps.operation), "user_id": command.user_id}
    }
    reply = await steps.change(
        MAIN,
        lambda options: steps.api.client.v1.customers.create_async(params, options),
        ObjectKind.CUSTOMER,
        Permission.CUSTOMERS_WRITE,
    )
    return steps.answer(reply.json.need_identity())
