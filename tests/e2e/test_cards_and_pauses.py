"""Cards and pauses, through the API, the webhook and the worker as they run."""

from __future__ import annotations

from tests.e2e.operators import Billing, Shopper

METHODS = "/api/payments/methods"


def test_cards_are_added_chosen_and_removed(shopper: Shopper, billing: Billing) -> None:
    """What is listed is what Stripe has, and the one that is charged is the one that was chosen.

    All of it happens within a second: the first card is chosen, another one, and the first again. That the last
    choice is not the first is known when the last event is there.
    """
    visa = shopper.api.send("POST", METHODS, {"payment_method_id": "pm_card_visa"})
    other = shopper.api.send("POST", METHODS, {"payment_method_id": "pm_card_mastercard", "set_default": True})
    assert (visa.status, other.status) == (201, 201)
    assert shopper.api.send("POST", f"{METHODS}/{visa.json['id']}/default", {}).status == 200

    removed = shopper.api.send("DELETE", f"{METHODS}/{other.json['id']}", None)

    assert removed.status == 204
    billing("sandbox", "settle")
    (left,) = shopper.api.get(f"{METHODS}/{shopper.user_id}").json["payment_methods"]
    assert (left["id"], left["card"]["brand"], left["is_default"]) == (visa.json["id"], "visa", True)
    assert shopper.api.send("DELETE", f"{METHODS}/{other.json['id']}", None).status == 404


def test_a_pause_is_planned_and_taken_back(shopper: Shopper, billing: Billing) -> None:
    """What is paid for stays open meanwhile."""
    subscription = shopper.subscribes("basic-monthly")

    planned = billing("subscriptions", "pause", subscription, "--yes", "--json").json
    meanwhile = shopper.api.get(f"/api/subscriptions/status/{shopper.user_id}").json
    resumed = billing("subscriptions", "resume", subscription, "--yes", "--json").json
    billing("sandbox", "settle")

    assert planned["pause"] is not None
    assert (meanwhile["has_access"], meanwhile["subscription"]["status"]) == (True, "active")
    assert resumed["pause"] is None
    after = shopper.api.get(f"/api/subscriptions/status/{shopper.user_id}").json["subscription"]
    assert (after["status"], after["pause"], after["cancel_at_period_end"]) == ("active", None, False)
