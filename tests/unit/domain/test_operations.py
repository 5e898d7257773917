"""An operation at the provider, from intent to outcome, and under which key it is done at most once."""

from __future__ import annotations

from attrs import evolve

from billing_core.domain.operations import (
    Answer,
    CancelSubscription,
    CreateCustomer,
    Operation,
    OperationState,
)
from tests.builders import ANN, day

CANCEL = Operation(
    id="0195",
    user_id=ANN,
    command=CancelSubscription(subscription_id="sub_1", at_period_end=True),
    actor=ANN,
    created_at=day(0),
    next_attempt_at=day(0),
)


def test_the_key_belongs_to_one_operation_not_to_what_it_changes() -> None:
    """A second cancellation of one subscription must not be answered with the first (ever-gauzy#10034)."""
    assert CANCEL.idempotency_key == "cancel_subscription:0195:1"
    assert evolve(CANCEL, id="0196").idempotency_key != CANCEL.idempotency_key
    assert evolve(CANCEL, command=CreateCustomer(user_id=ANN)).idempotency_key == "customer:0195:1"


def test_a_new_key_is_another_one_and_forgets_the_error_of_the_last() -> None:
    unclear = CANCEL.unclear(day(1), "timeout").with_new_key()
    assert (unclear.idempotency_key, unclear.error_code) == ("cancel_subscription:0195:2", None)


def test_each_outcome_says_when_what_and_after_how_many_tries() -> None:
    unclear = CANCEL.unclear(day(1), "timeout")
    done = unclear.done(Answer(facts=(), result_id="sub_1"), day(2))
    refused = unclear.refused("card_declined", "Declined.", "lost_card", day(3))

    assert (unclear.state, unclear.attempts, unclear.next_attempt_at) == (OperationState.PENDING, 1, day(1))
    assert unclear.error_code == "timeout"
    assert (done.state, done.attempts, done.result_id, done.finished_at) == (OperationState.DONE, 2, "sub_1", day(2))
    assert (refused.state, refused.attempts, refused.finished_at) == (OperationState.REFUSED, 2, day(3))
    assert (refused.error_code, refused.error_message, refused.decline_code) == (
        "card_declined", "Declined.", "lost_card",
    )  # fmt: skip
