"""Finance's commands on a `billing dev` that runs: the reports, the policy lab, promotion codes on the command line."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from uuid import uuid4

import pytest
from stripe import StripeClient

from billing_core.domain.analytics.reports.asked import ReportName
from tests.e2e.operators import Billing, Shopper
from tests.e2e.running_dev import RunningDev, eventually


def _mrr(billing: Billing) -> int:
    """MRR in dollars' cents, by this month's row of the report."""
    report = billing("report", "mrr", "--currency", "usd", "--json").json
    return int(report["currencies"][0]["rows"][-1]["mrr"]["amount"]) if report["currencies"] else 0


def test_a_report_knows_of_a_payment_and_names_the_facts_behind_it(billing: Billing, shopper: Shopper) -> None:
    before = _mrr(billing)
    shopper.subscribes("basic-monthly")
    price = _price(billing, "basic-monthly")
    eventually(before + price, lambda: _mrr(billing))

    behind = billing("report", "movements", "--explain", "--json").json["entries"]
    mine = [one for one in behind if one["amount_minor"] == str(price) and one["kind"] == "new"]
    assert mine
    assert all(billing("events", "show", fact, "--json").status == 0 for fact in mine[0]["facts"][:1])


def _price(billing: Billing, plan_id: str) -> int:
    plans = billing("catalog", "show", "--json").json["plans"]
    return next(int(plan["price"]["amount"]) for plan in plans if plan["id"] == plan_id)


def test_every_report_is_a_table_a_document_lines_for_a_spreadsheet_and_a_part_of_the_page(
    billing: Billing, shopper: Shopper, tmp_path: Path
) -> None:
    shopper.subscribes("basic-monthly")
    eventually("there", lambda: "there" if _mrr(billing) else "not yet")

    for name in ReportName:
        document = billing("report", name, "--json").json
        lines = list(csv.reader(io.StringIO(billing("report", name, "--csv").out)))
        shown = billing("report", name)
        assert (document["report"], shown.status) == (name, 0)
        if document["currencies"]:
            assert shown.out.strip()
            assert lines[0]
    file = tmp_path / "books.html"
    assert billing("report", "mrr", "--html", str(file)).out == f"{file}\n"
    page = file.read_text(encoding="utf-8")
    assert (page.lower().startswith("<!doctype html>"), page.rstrip().endswith("</html>")) == (True, True)
    refused = billing("report", "mrr", "--html", str(tmp_path / "no such folder" / "books.html"))
    assert (refused.status, "cannot be written" in refused.err) == (1, True)


def test_the_policy_lab_says_who_would_notice(billing: Billing, shopper: Shopper, tmp_path: Path) -> None:
    purchase = shopper.buys("course", "k8s-101")
    billing("purchases", "refund", purchase, "--yes")
    file = tmp_path / "stricter.toml"
    file.write_text("[refund]\nwindow_days = 0\n[proration]\nunit = 'day'\n", encoding="utf-8")
    same = tmp_path / "same.toml"
    same.write_text("[refund]\nwindow_days = 30\n[access]\ngrace_days = 7\n", encoding="utf-8")

    found = eventually_found(billing, file, shopper.user_id)
    assert [one["change"] for one in found["money"]] == ["refund refused"]
    assert billing("policy", "try", str(same), "--user", shopper.user_id, "--json").json["differences"] == {}
    told = billing("policy", "try", str(file), "--user", shopper.user_id)
    assert told.out.splitlines()[-1].startswith("1 of 1 users would notice; it would have brought 49.00 USD")


def eventually_found(billing: Billing, file: Path, user_id: str) -> dict[str, list[dict[str, str]]]:
    """What the lab says about a user, once it says something."""

    def asked() -> dict[str, dict[str, list[dict[str, str]]]]:
        found: dict[str, dict[str, list[dict[str, str]]]] = billing(
            "policy", "try", str(file), "--user", user_id, "--json"
        ).json["differences"]
        return found

    eventually([user_id], lambda: list(asked()))
    return asked()[user_id]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[pause]\ndays = 1\n", "[pause] is no policy that can be tried"),
        ("[proration]\nunit = 'hour'\n", "It is one of second, day"),
        ("[trial]\ndays = -1\n", "a whole number of days"),
        ("[refund\n", "is no TOML"),
        ("refund = " + "[" * 10_000, "is no TOML"),
        ("[refund]\nwindow_days = 99999999999999999999\n", "window_days is from 0 to 1000000"),
        ('["\\u001b[31m"]\n', "[ [31m] is no policy"),
    ],
)
def test_what_cannot_be_tried_is_refused_by_name(billing: Billing, tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text, encoding="utf-8")

    refused = billing("policy", "try", str(file))

    assert (refused.status, refused.out) == (1, "")
    assert says in refused.err


def test_a_code_is_redeemed_on_the_command_line_once_and_taken_off(
    billing: Billing, shopper: Shopper, dev: RunningDev
) -> None:
    subscription = shopper.subscribes("basic-monthly")
    code = f"SPRING{uuid4().hex[:6].upper()}"
    settings = dev.settings
    stripe = StripeClient(settings["STRIPE_SECRET_KEY"], base_addresses={"api": settings["STRIPE_API_BASE"]})
    coupon = stripe.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    stripe.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": code})

    applied = billing("subscriptions", "apply-code", subscription, code, "--yes", "--json").json
    assert applied["id"] == subscription
    again = ("subscriptions", "apply-code", subscription, code, "--yes")
    eventually(1, lambda: billing(*again).status)
    assert "redeemed by this customer before" in billing(*again).err
    assert billing("subscriptions", "end-discount", subscription, "--yes", "--json").json["id"] == subscription
