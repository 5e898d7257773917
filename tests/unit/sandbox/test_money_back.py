"""Refunds and disputes: what is given back, what is taken, and what the charge says of it."""

import pytest

from billing_sandbox.engine import disputes, refunds
from billing_sandbox.engine.objects import Obj
from tests.unit.sandbox.play import Play


def paid(play: Play, card: str = "pm_card_visa", amount: int = 5000) -> Obj:
    """A succeeded payment."""
    return play.post("/v1/payment_intents", amount=amount, currency="usd", confirm=True, payment_method=card)


def charge_of(play: Play, intent: Obj) -> Obj:
    """The charge of a payment as it is now."""
    return play.get(f"/v1/charges/{intent['latest_charge']}")


class TestRefunds:
    def test_parts_add_up_and_only_the_whole_says_refunded(self, play: Play) -> None:
        intent = paid(play)
        play.post("/v1/refunds", payment_intent=intent["id"], amount=2000)
        half = charge_of(play, intent)
        assert (half["amount_refunded"], half["refunded"]) == (2000, False)
        rest = play.post("/v1/refunds", charge=intent["latest_charge"])
        assert (rest["amount"], charge_of(play, intent)["refunded"]) == (3000, True)
        told = [event["data"]["previous_attributes"]["amount_refunded"] for event in play.events("charge.refunded")]
        assert told == [0, 2000]

    def test_more_than_is_left_is_refused(self, play: Play) -> None:
        intent = paid(play)
        assert play.refused("/v1/refunds", payment_intent=intent["id"], amount=5001)["param"] == "amount"
        play.post("/v1/refunds", payment_intent=intent["id"])
        assert play.refused("/v1/refunds", payment_intent=intent["id"])["code"] == "charge_already_refunded"

    def test_exactly_one_of_intent_and_charge_is_named(self, play: Play) -> None:
        intent = paid(play)
        assert play.refused("/v1/refunds")["status"] == 400
        both = {"payment_intent": intent["id"], "charge": intent["latest_charge"]}
        assert play.refused("/v1/refunds", **both)["status"] == 400

    def test_a_reason_is_one_of_three(self, play: Play) -> None:
        assert (
            play.refused("/v1/refunds", payment_intent=paid(play)["id"], reason="did not like it")["param"] == "reason"
        )

    def test_one_that_takes_days_is_pending_until_it_arrives(self, play: Play) -> None:
        refund = play.post("/v1/refunds", payment_intent=paid(play, "pm_card_pendingRefund")["id"])
        assert (refund["status"], refund["pending_reason"]) == ("pending", "processing")
        play.wait(days=3)
        assert play.again(refund)["status"] == "succeeded"

    def test_one_that_succeeded_may_fail_days_later_and_the_charge_takes_it_back(self, play: Play) -> None:
        intent = paid(play, "pm_card_refundFail")
        refund = play.post("/v1/refunds", payment_intent=intent["id"])
        assert refund["status"] == "succeeded"
        play.forget_events()
        play.wait(days=3)
        failed = play.again(refund)
        assert (failed["status"], failed["failure_reason"]) == ("failed", "lost_or_stolen_card")
        assert failed["failure_balance_transaction"] is not None
        assert (charge_of(play, intent)["amount_refunded"], charge_of(play, intent)["refunded"]) == (0, False)
        assert play.types("refund") == ["refund.updated", "refund.failed"]

    def test_the_invoice_stays_paid_and_the_subscription_runs_on(self, play: Play) -> None:
        subscription = play.subscription()
        invoice = play.invoice_of(subscription)
        play.post("/v1/refunds", payment_intent=play.intent_of(invoice)["id"])
        assert play.again(invoice)["status"] == "paid"
        assert play.again(subscription)["status"] == "active"


class TestDisputes:
    def test_the_money_is_withdrawn_at_once_and_a_refund_is_refused(self, play: Play) -> None:
        intent = paid(play, "pm_card_createDispute")
        dispute = play.get("/v1/disputes")["data"][0]
        assert (dispute["status"], dispute["reason"], dispute["is_charge_refundable"]) == (
            "needs_response",
            "fraudulent",
            False,
        )
        assert charge_of(play, intent)["disputed"] is True
        assert play.types("charge.dispute") == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
        assert play.refused("/v1/refunds", payment_intent=intent["id"])["code"] == "charge_disputed"

    @pytest.mark.parametrize("outcome", ["won", "lost"])
    def test_a_won_one_brings_the_money_back_a_lost_one_does_not(self, play: Play, outcome: str) -> None:
        charge = charge_of(play, paid(play))
        dispute = play.engine.do(lambda w: disputes.open_dispute(w, charge))
        play.forget_events()
        closed = play.engine.do(lambda w: disputes.decide(w, w.load("dispute", dispute["id"]), outcome))
        assert (closed["status"], play.types()[-1]) == (outcome, "charge.dispute.closed")
        assert ("charge.dispute.funds_reinstated" in play.types()) == (outcome == "won")

    def test_an_unanswered_one_is_lost_when_its_time_is_over(self, play: Play) -> None:
        paid(play, "pm_card_createDispute")
        play.wait(days=7)
        assert play.get("/v1/disputes")["data"][0]["status"] == "lost"

    def test_winning_evidence_wins_after_the_review(self, play: Play) -> None:
        paid(play, "pm_card_createDispute")
        dispute = play.get("/v1/disputes")["data"][0]
        sent = play.post(f"/v1/disputes/{dispute['id']}", evidence={"uncategorized_text": "winning_evidence"})
        assert sent["status"] == "under_review"
        play.wait(days=60)
        assert play.again(dispute)["status"] == "won"

    def test_an_inquiry_withdraws_nothing_and_stays_refundable(self, play: Play) -> None:
        intent = paid(play, "pm_card_createDisputeInquiry")
        dispute = play.get("/v1/disputes")["data"][0]
        assert (dispute["status"], dispute["balance_transactions"]) == ("warning_needs_response", [])
        assert play.post("/v1/refunds", payment_intent=intent["id"])["status"] == "succeeded"


def test_the_books_balance_over_everything(play: Play) -> None:
    """What was captured equals what is kept, refunded and disputed away."""
    first, second, third = (paid(play) for _ in range(3))
    part = play.post("/v1/refunds", payment_intent=first["id"], amount=1000)
    play.post("/v1/refunds", payment_intent=second["id"])
    play.engine.do(lambda w: refunds.fail(w, w.load("refund", part["id"])))
    lost = play.engine.do(lambda w: disputes.open_dispute(w, w.load("charge", third["latest_charge"])))
    play.engine.do(lambda w: disputes.decide(w, w.load("dispute", lost["id"]), "lost"))
    books = play.get("/v1/balance_transactions", limit=100)["data"]
    assert sum(entry["amount"] for entry in books) == 3 * 5000 - 1000 + 1000 - 5000 - 5000
    assert all(entry["net"] == entry["amount"] - entry["fee"] for entry in books)
