"""Examples of what the provider told us."""

from __future__ import annotations

from attrs import evolve

from billing_contracts.examples.moments import NOW, after, ours
from billing_core.domain.facts import CustomerSeen, Fact, Labels, PaymentSeen, RefundSeen
from billing_core.domain.folding import ObjectState, fold
from billing_core.domain.received import Received

__all__ = ["customer_fact", "folded", "payment_fact", "received", "refund_fact"]


def customer_fact(identity: str = "evt_1", *, customer_id: str = "cus_1", minute: int = 0, name: str = "") -> Fact:
    """A fact about a customer; ``name`` makes its state another one."""
    seen = CustomerSeen(id=customer_id, created=NOW, default_payment_method_id=name or None)
    return Fact(id=identity, type="customer.updated", occurred_at=after(minute), after=seen)


def payment_fact(identity: str = "evt_pi_1", *, payment_id: str = "pi_1", customer_id: str | None = "cus_1") -> Fact:
    """A fact about a payment that succeeded, with what it was before."""
    before = PaymentSeen(
        id=payment_id,
        created=NOW,
        customer_id=customer_id,
        status="processing",
        amount=4900,
        currency="usd",
        labels=Labels(user_id="user-1", purchase_id=ours(1), resource_type="course", resource_id="python-101"),
    )
    paid = evolve(before, status="succeeded", amount_received=4900, charge_id=f"ch_of_{payment_id}")
    return Fact(id=identity, type="payment_intent.succeeded", occurred_at=NOW, after=paid, before=before)


def refund_fact(identity: str = "evt_re_1", *, refund_id: str = "re_1", payment_id: str = "pi_1") -> Fact:
    """A fact about a refund, which names no customer but a payment and a charge."""
    seen = RefundSeen(
        id=refund_id,
        created=NOW,
        payment_id=payment_id,
        charge_id=f"ch_of_{payment_id}",
        status="succeeded",
        amount=4900,
        currency="usd",
    )
    return Fact(id=identity, type="refund.created", occurred_at=NOW, after=seen)


def folded(fact: Fact, *, customer_id: str | None = None, ambiguous: bool = False) -> ObjectState:
    """The state of the object that one fact tells of."""
    state = fold([fact])
    if state is None:  # pragma: no cover - one fact always makes a state
        raise AssertionError(fact)
    return evolve(state, customer_id=customer_id or state.customer_id, ambiguous=ambiguous)


def received(identity: str = "evt_1", *, account: str = "", minute: int = -1) -> Received:
    """An event that came in a minute ago, unless told otherwise, and was not applied yet."""
    return Received(
        event_id=identity,
        type="customer.updated",
        account=account,
        livemode=False,
        api_version="2026-10-28.endive",
        created=after(minute),
        fact=customer_fact(identity, minute=minute),
        received_at=after(minute),
        payload=b'{"id": "evt"}',
    )
