"""The operator's commands, each as a person and as a program uses it, on a `billing dev` that runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from billing_cli.calls import Server
from tests.e2e.operators import Billing, Shopper
from tests.e2e.running_dev import RunningDev, eventually


def test_a_subscription_from_its_preview_to_its_end(billing: Billing, shopper: Shopper) -> None:
    subscription = shopper.subscribes("basic-monthly")

    shown = billing("subscriptions", "show", shopper.user_id, "--json").json
    assert shown == shopper.api.get(f"/api/subscriptions/status/{shopper.user_id}").json
    assert ["plan_id", "basic-monthly"] in billing("subscriptions", "show", shopper.user_id).rows

    preview = billing("subscriptions", "preview", subscription, "pro-monthly", "--json").json
    assert 0 < preview["amount_due"]["amount"] <= 2000
    assert preview["effective_at"] == preview["proration_date"]
    changed = billing(
        *("subscriptions", "change", subscription, "pro-monthly", "--yes", "--json"),
        *("--proration-date", preview["proration_date"]),
        *("--expected-amount-due", str(preview["amount_due"]["amount"])),
    ).json
    assert changed["plan_id"] == "pro-monthly"

    later = billing("subscriptions", "change", subscription, "basic-monthly", "--yes", "--json").json
    assert later["pending_change"] == {
        "plan_id": "basic-monthly",
        "quantity": 1,
        "effective_at": later["current_period_end"],
    }

    canceled = billing("subscriptions", "cancel", subscription, "--reason", "asked by e-mail", "--json").json
    assert (canceled["cancel_at_period_end"], canceled["pending_change"]) == (True, None)
    assert billing("subscriptions", "resume", subscription, "--json").status == 0
    # Within one second, which of two is the later is looked up by the worker once the second is over.
    shown = ("subscriptions", "show", shopper.user_id, "--json")
    eventually("active, not ending", lambda: _standing(billing(*shown).json["subscription"]))
    assert billing("subscriptions", "cancel", subscription, "--now", "--json").json["status"] == "canceled"

    refused = billing("subscriptions", "resume", subscription)
    assert (refused.status, refused.out) == (1, "")
    assert refused.err == "billing: A subscription that is canceled does not allow to take the cancellation back.\n"


def _standing(subscription: dict[str, Any]) -> str:
    return f"{subscription['status']}, {'ending' if subscription['cancel_at_period_end'] else 'not ending'}"


def test_a_preview_that_no_longer_holds_changes_nothing(billing: Billing, shopper: Shopper) -> None:
    subscription = shopper.subscribes("basic-monthly")

    refused = billing("subscriptions", "change", subscription, "pro-monthly", "--expected-amount-due", "1")

    assert (refused.status, "Ask for a new preview." in refused.err) == (1, True)
    assert (
        billing("subscriptions", "show", shopper.user_id, "--json").json["subscription"]["plan_id"] == "basic-monthly"
    )


def test_a_purchase_is_shown_refunded_and_refused_a_second_time(billing: Billing, shopper: Shopper) -> None:
    purchase = shopper.buys("course", "k8s-101")

    shown = billing("purchases", "show", purchase, "--json").json
    assert shown == shopper.api.get(f"/api/purchases/{purchase}/status").json
    assert (shown["access"]["reason"], shown["refund"]["eligible"]) == ("purchased", True)

    part = billing("purchases", "refund", purchase, "--amount", "1000", "--reason", "one lesson was missing", "--json")
    assert part.json["amount"] == {"amount": 1000, "currency": "usd"}
    assert billing("purchases", "refund", purchase, "--json").json["amount"]["amount"] == 3900
    again = billing("purchases", "refund", purchase)
    assert (again.status, again.err) == (1, "billing: Nothing is left to refund of this payment.\n")

    listed = billing("purchases", "list", shopper.user_id, "--json").json
    assert listed == shopper.api.get(f"/api/purchases/history/{shopper.user_id}").json
    assert [row["status"] for row in listed["purchases"]] == ["refunded"]
    assert billing("purchases", "list", shopper.user_id).rows[1][:4] == [purchase, "course", "k8s-101", "49.00 USD"]


def test_payments_and_invoices_are_what_the_api_says(billing: Billing, shopper: Shopper) -> None:
    shopper.subscribes("basic-monthly")
    shopper.buys("learning_path", "devops")

    payments = billing("payments", "list", shopper.user_id, "--json").json
    assert payments == shopper.api.get(f"/api/payments/history/{shopper.user_id}").json
    # Both were made in one second, perhaps: which of them is listed first says nothing.
    assert sorted(row["context"]["kind"] for row in payments["payments"]) == ["purchase", "subscription"]
    invoices = billing("invoices", "list", shopper.user_id, "--json").json
    assert invoices == shopper.api.get(f"/api/invoices/{shopper.user_id}").json
    assert [row["status"] for row in invoices["invoices"]] == ["paid"]
    assert len(billing("payments", "list", shopper.user_id).rows) == 3
    assert len(billing("invoices", "list", shopper.user_id).rows) == 2


def test_a_long_list_goes_on_where_the_page_before_ended(billing: Billing, shopper: Shopper) -> None:
    bought = [shopper.buys("lab", "k8s-lab"), shopper.buys("course", "k8s-101")]

    first = billing("purchases", "list", shopper.user_id, "--limit", "1", "--json").json
    second = billing("purchases", "list", shopper.user_id, "--limit", "1", "--cursor", first["next_cursor"], "--json")

    assert [first["purchases"][0]["id"], second.json["purchases"][0]["id"]] == bought[::-1]
    assert second.json["next_cursor"] is None
    assert billing("purchases", "list", shopper.user_id, "--cursor", "nonsense").status == 1
    assert billing("purchases", "list", shopper.user_id, "--limit", "101").status == 2


def test_a_grant_by_hand_opens_until_it_is_revoked_and_both_are_explained(billing: Billing, user: str) -> None:
    before = billing("sandbox", "clock", "--json").json["iso"]
    granted = billing("access", "grant", user, "course:k8s-101", "--reason", "pilot", "--actor", "anna", "--json").json
    grant_id = granted["source"]["id"]

    assert billing("access", "list", user, "--json").json["grants"] == [granted]
    checked = billing("access", "check", user, "course:k8s-101", "lab:k8s-lab", "--json").json["decisions"]
    assert [(one["allowed"], one["reason"]) for one in checked] == [(True, "granted_manually"), (False, "no_grant")]
    explained = billing("access", "explain", user, "course:k8s-101", "--json").json
    assert explained["because"] == "support staff granted it"
    assert [(step["cause"], step["actor"], step["reason"]) for step in explained["history"]] == [
        ("grant", "anna", "pilot")
    ]

    assert billing("access", "revoke", user, grant_id, "--reason", "over", "--json").json["revoked"] == grant_id
    after = billing("access", "explain", user, "course:k8s-101", "--json").json
    assert (after["decision"]["reason"], len(after["history"])) == ("revoked", 2)
    past = billing("access", "explain", user, "course:k8s-101", "--at", before, "--json").json
    assert (past["decision"]["reason"], past["history"]) == ("no_grant", [])
    assert ["because", "support staff revoked it"] in billing("access", "explain", user, "course:k8s-101").rows


@pytest.mark.parametrize("resource", ["k8s-101", "film:1", "course:"])
def test_what_names_nothing_is_refused(billing: Billing, user: str, resource: str) -> None:
    ended = billing("access", "check", user, resource)

    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)


def test_the_catalog_is_shown_and_applied_and_a_second_time_changes_nothing(billing: Billing, tmp_path: Path) -> None:
    shown = billing("catalog", "show", "--json").json
    assert all(plan["stripe_price_id"].startswith("price_") for plan in shown["plans"])
    assert ["pro-monthly", "Pro", "29.00 USD"] in [row[:3] for row in billing("catalog", "show").rows]

    file = tmp_path / "catalog.toml"
    file.write_text(_toml(shown["plans"], shown["items"]), encoding="utf-8")
    nothing: dict[str, list[str]] = {"added": [], "changed": [], "withdrawn": []}
    assert billing("catalog", "apply", str(file), "--dry-run", "--json").json == nothing
    assert billing("catalog", "apply", str(file), "--json").json == nothing

    file.write_text(file.read_text(encoding="utf-8").replace('"month"', '"fortnight"', 1), encoding="utf-8")
    refused = billing("catalog", "apply", str(file))
    assert (refused.status, refused.out) == (1, "")
    assert "plan basic-monthly" in refused.err
    assert billing("catalog", "show", "--json").json == shown


def _toml(plans: list[dict[str, Any]], items: list[dict[str, Any]]) -> str:
    """A catalog file that says what is sold already."""
    lines: list[str] = []
    for table, rows in (("plans", plans), ("items", items)):
        for row in rows:
            kept = {name: value for name, value in row.items() if name not in {"version", "active", "stripe_price_id"}}
            lines += [f"[[{table}]]", *(f"{name} = {_value(value)}" for name, value in kept.items())]
    return "\n".join(lines)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_value(inner)}" for name, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)


def test_a_customer_is_shown_and_cannot_be_tied_to_two(billing: Billing, shopper: Shopper, user: str) -> None:
    nobody = billing("customers", "show", f"{user}-nobody")
    assert (nobody.status, "is tied to no customer" in nobody.err) == (1, True)
    shopper.subscribes("basic-monthly")

    customer = billing("customers", "show", shopper.user_id, "--json").json["stripe_customer_id"]
    assert billing("customers", "link", shopper.user_id, customer, "--json").status == 0
    conflict = billing("customers", "link", f"{user}-other", customer)
    assert (conflict.status, conflict.err.count("\n")) == (1, 1)
    assert billing("customers", "link", user, "cus_nowhere").status == 1


def test_received_events_are_listed_shown_and_replayed_without_effect(billing: Billing, shopper: Shopper) -> None:
    shopper.subscribes("basic-monthly")
    listed = billing("events", "list", "--state", "applied", "--limit", "5", "--json").json["events"]
    assert len(listed) == 5

    event = listed[0]["event_id"]
    assert billing("events", "show", event, "--json").json["payload"]["id"] == event
    assert billing("events", "replay", event, "--json").json["state"] == "applied"
    query = ("--state", "applied", "--type", listed[0]["type"], "--since", listed[0]["received_at"])
    assert event in [one["event_id"] for one in billing("events", "replay", *query, "--json").json["events"]]
    assert billing("events", "retry", "--json").json == {"tried": 0}
    assert billing("events", "dead", "--json").json["events"] == []
    assert billing("events", "republish", "--since", "2999-01-01", "--json").json == {"republished": 0}
    assert billing("events", "republish", "--since", "yesterday").status == 2
    unknown = billing("events", "show", "evt_nothing")
    assert (unknown.status, unknown.err.count("\n")) == (1, 1)


def test_state_folded_again_is_what_is_stored(billing: Billing, shopper: Shopper) -> None:
    shopper.subscribes("pro-monthly")

    one = billing("rebuild", "--user", shopper.user_id, "--json").json
    assert one == {"users": 1, "differences": {}}
    everybody = billing("rebuild", "--check", "--json").json
    assert everybody["users"] >= 1
    assert everybody["differences"] == {}


def test_doctor_finds_everything_in_order(billing: Billing) -> None:
    checks = billing("doctor", "--json").json["checks"]

    assert {check["check"]: check["ok"] for check in checks} == dict.fromkeys(
        [
            "configuration", "migrations", "database", "redis", "worker", "events", "clock", "tokens", "stripe",
            "webhook",
        ],
        True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "check"),
    [
        ("REDIS_URL", "redis://127.0.0.1:1/0", "redis"),
        ("DATABASE_URL", "postgresql://postgres@127.0.0.1:1/postgres", "database"),
        ("STRIPE_API_BASE", "http://127.0.0.1:1", "stripe"),
        ("JWT_SECRET", "short", "configuration"),
        ("GRACE_DAY", "14", "configuration"),
        ("DATABASE_REPLICA_URL", "postgresql://postgres@127.0.0.1:1/postgres", "replica"),
        ("JWT_JWKS_URL", "http://127.0.0.1:1/jwks.json", "tokens"),
        ("JWT_JWKS_FILE", __file__, "tokens"),
    ],
)
def test_doctor_names_each_fault_with_what_to_do(
    billing: Billing, monkeypatch: pytest.MonkeyPatch, name: str, value: str, check: str
) -> None:
    monkeypatch.setenv(name, value)

    ended = billing("doctor", "--json")

    assert ended.status == 1
    faults = {one["check"]: one["remedy"] for one in json.loads(ended.out)["checks"] if not one["ok"]}
    assert faults[check]


def test_doctor_takes_no_primary_for_a_replica(billing: Billing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else histories would be read from whatever database that is."""
    monkeypatch.setenv("DATABASE_REPLICA_URL", os.environ["DATABASE_URL"])

    checks = json.loads(billing("doctor", "--json").out)["checks"]

    assert [one["found"] for one in checks if not one["ok"]] == ["answers, but follows no primary"]


def test_doctor_tries_what_it_can_where_the_settings_are_wrong(
    billing: Billing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is wrong is told at once: also that Redis is away, and what cannot be tried."""
    monkeypatch.setenv("JWT_SECRET", "short")
    monkeypatch.setenv("STRIPE_SECRET_KEY", "nonsense")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")

    checks = json.loads(billing("doctor", "--json").out)["checks"]

    assert [(one["check"], one["ok"]) for one in checks] == [
        ("configuration", False),
        ("configuration", False),
        ("migrations", True),
        ("database", True),
        ("redis", False),
        ("worker", True),
        ("events", True),
        ("clock", True),
        ("tokens", False),
        ("stripe", False),
        ("webhook", False),
    ]
    assert {one["check"]: one["found"] for one in checks}["stripe"] == "not tried"


def test_doctor_finds_nothing_that_must_never_be(billing: Billing) -> None:
    checks = billing("doctor", "--invariants", "--json").json["checks"]

    assert {check["check"]: check["found"] for check in checks} == {
        "paid without access": "none",
        "access without payment": "none",
        "refunded more than captured": "none",
        "parked over an hour": "none",
    }


def test_what_is_held_on_a_user_is_exported_and_what_names_them_is_erased(billing: Billing, shopper: Shopper) -> None:
    shopper.buys("course", "k8s-101")
    billing("sandbox", "settle")
    before = json.loads(billing("customers", "export", shopper.user_id).out)
    erased = billing("customers", "erase", shopper.user_id, "--reason", "asked", "--yes", "--json").json
    after = json.loads(billing("customers", "export", shopper.user_id).out)

    assert any("email" in json.dumps(one.get("payload")) for one in before["received"])
    assert erased == {"user_id": shopper.user_id, "payloads_erased": len(before["received"])}
    assert all(one["payload"] is None for one in after["received"])
    assert after["account"] == before["account"]


def test_migrations_are_all_there(billing: Billing) -> None:
    states = billing("migrate", "--status", "--json").json["migrations"]

    assert states
    assert all(state["applied_at"] for state in states)
    assert billing("migrate", "--json").json == {"applied": []}


def test_the_webhook_endpoint_is_set_up_once(billing: Billing, dev: RunningDev) -> None:
    url = f"http://{urlsplit(dev.settings['BILLING_URL']).netloc}/api/webhooks/stripe?again"

    first = billing("stripe", "setup-webhook", url, "--json").json
    try:
        second = billing("stripe", "setup-webhook", url, "--json").json
    finally:  # its secret is not the API's: refusing what comes, it would hold up each renewal for 72 hours
        key = {"Authorization": f"Bearer {dev.settings['STRIPE_SECRET_KEY']}"}
        stripe = Server(dev.settings["STRIPE_API_BASE"], "The sandbox", key)
        assert stripe.send("DELETE", f"/v1/webhook_endpoints/{first['id']}").status == 200

    assert (first["made"], second["made"]) == (True, False)
    assert first["secret"].startswith("whsec_")
    assert (second["id"], second["secret"]) == (first["id"], None)


def test_the_sandbox_fails_disputes_and_decides(billing: Billing, shopper: Shopper) -> None:
    purchase = shopper.buys("course", "k8s-101")
    payment = billing("payments", "list", shopper.user_id, "--json").json["payments"][0]["stripe_payment_intent_id"]

    dispute = billing("sandbox", "dispute", payment, "--json").json
    assert dispute["status"] == "needs_response"
    shown = ("purchases", "show", purchase, "--json")
    eventually("disputed", lambda: billing(*shown).json["purchase"]["status"])
    assert billing("sandbox", "close-dispute", dispute["id"], "won", "--json").json["status"] == "won"
    eventually("completed", lambda: billing(*shown).json["purchase"]["status"])
    assert billing("sandbox", "settle", "--json").json.keys() == {"pending"}
    assert billing("sandbox", "fail-next-payment", "--customer", "cus_nowhere").status == 1
    assert billing("sandbox", "chaos", "show", "--json").json["on"] is False


def test_a_live_key_is_kept_from_the_sandbox(billing: Billing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_0123456789abcdef")

    ended = billing("sandbox", "clock")

    assert (ended.status, "is a live key" in ended.err) == (1, True)
