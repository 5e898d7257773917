"""The account's balance: one transaction for every movement of money, so that the books can be checked."""

from billing_sandbox.engine.money import stripe_fee
from billing_sandbox.engine.objects import DAY, Obj
from billing_sandbox.engine.operations import PAGE, Operation, retrieve
from billing_sandbox.engine.pagination import listed
from billing_sandbox.engine.params import CURRENCY, TEXT, TimeFilter
from billing_sandbox.engine.world import World

_SETTLEMENT_DAYS = 2
_DISPUTE_FEE = 1500


def book(w: World, kind: str, source: Obj, amount: int, *, description: str | None = None) -> str:
    """Write a movement of `amount` (negative: out) because of `source`; returns the transaction's id.

    `kind` is `charge`, `refund`, `refund_failure`, `dispute` (an adjustment out) or `dispute_reversal`.
    """
    currency = source["currency"]
    fee = stripe_fee(amount, currency) if kind == "charge" else (_DISPUTE_FEE if kind == "dispute" else 0)
    details = [{"amount": fee, "application": None, "currency": currency, "description": "Fees", "type": "stripe_fee"}]
    transaction = {
        "id": w.new_id("txn_"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": w.now + _SETTLEMENT_DAYS * DAY if kind == "charge" else w.now,
        "balance_type": "payments",
        "created": w.now,
        "currency": currency,
        "description": description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": details if fee else [],
        "net": amount - fee,
        "reporting_category": kind,
        "source": source["id"],
        "status": "available" if kind != "charge" else "pending",
        "type": "adjustment" if kind.startswith("dispute") else kind,
    }
    w.insert(transaction)
    return str(transaction["id"])


def list_transactions(w: World, p: Obj) -> Obj:
    """Movements by source, type or currency."""
    by = {"source": "source", "type": "type", "currency": "currency"}
    return listed(w, "balance_transaction", p, by=by, url="/v1/balance_transactions")


OPERATIONS = (
    Operation(
        "GET",
        "/v1/balance_transactions",
        list_transactions,
        {**PAGE, "source": TEXT, "type": TEXT, "currency": CURRENCY, "created": TimeFilter()},
    ),
    Operation("GET", "/v1/balance_transactions/{id}", retrieve("balance_transaction")),
)
