"""The table of all operations, and how a path finds its own."""

from billing_sandbox.engine import (
    account,
    balance,
    catalogue,
    checkout_operations,
    clocks,
    coupons,
    customers,
    disputes,
    invoice_items,
    invoice_operations,
    payment_intents,
    payment_methods,
    preview,
    refunds,
    schedules,
    setup_intents,
    subscription_item_operations,
    subscription_operations,
    subscription_pause,
    webhook_endpoints,
)
from billing_sandbox.engine.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *account.OPERATIONS,
    *balance.OPERATIONS,
    *catalogue.OPERATIONS,
    *checkout_operations.OPERATIONS,
    *clocks.OPERATIONS,
    *coupons.OPERATIONS,
    *customers.OPERATIONS,
    *disputes.OPERATIONS,
    *invoice_items.OPERATIONS,
    *preview.OPERATIONS,
    *invoice_operations.OPERATIONS,
    *payment_intents.OPERATIONS,
    *payment_methods.OPERATIONS,
    *refunds.OPERATIONS,
    *schedules.OPERATIONS,
    *setup_intents.OPERATIONS,
    *subscription_item_operations.OPERATIONS,
    *subscription_pause.OPERATIONS,
    *subscription_operations.OPERATIONS,
    *webhook_endpoints.OPERATIONS,
)
_EXACT = {(op.method, op.path): op for op in OPERATIONS if "{" not in op.path}
_PATTERNS = [(op.method, op.path.split("/"), op) for op in OPERATIONS if "{" in op.path]


def find(method: str, path: str) -> tuple[Operation, tuple[str, ...]] | None:
    """The operation at this path, and the ids in it."""
    exact = _EXACT.get((method, path))
    if exact is not None:
        return exact, ()
    steps = path.split("/")
    for verb, pattern, operation in _PATTERNS:
        if verb == method and len(pattern) == len(steps):
            ids = tuple(step for step, wanted in zip(steps, pattern, strict=True) if wanted.startswith("{"))
            fixed = all(wanted.startswith("{") or wanted == step for step, wanted in zip(steps, pattern, strict=True))
            if fixed and all(ids):
                return operation, ids
    return None
