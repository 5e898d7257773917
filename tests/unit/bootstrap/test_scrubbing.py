"""Scrubbing: what looks like a secret is hidden from lines about trouble and from what libraries say."""

import pytest

from billing_bootstrap.scrubbing import scrub, scrub_trouble, scrubbed


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Invalid API Key provided: sk_test_51HxAb", "Invalid API Key provided: sk_test_[hidden]"),
        ("the key rk_live_51HxAb_c may not", "the key rk_live_[hidden] may not"),
        ("signed by whsec_a1B2/c+d=", "signed by whsec_[hidden]"),
        ("seti_1Ab_secret_Cd2 was made", "seti_1Ab_secret_[hidden] was made"),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.s1-g_n", "Bearer [hidden]"),
        ("postgresql://billing:hunter2@db:5432/x", "postgresql://billing:[hidden]@db:5432/x"),
        ("rediss://:hunter2@cache:6379/0", "rediss://:[hidden]@cache:6379/0"),
        ("host=db password=hunter2 user=x", "host=db password=[hidden] user=x"),
        ("host=db password='hunter 2' user=x", "host=db password=[hidden] user=x"),
        ("paid by 4242 4242 4242 4242.", "paid by [hidden]."),
        ("No such payment method: 'pm_4000056655665556'", "No such payment method: 'pm_[hidden]'"),
        ("Key (email)=(ann.lee+x@example.com) exists", "Key (email)=([hidden]) exists"),
    ],
)
def test_a_secret_is_hidden_and_what_it_was_stays_visible(said: str, shown: str) -> None:
    assert scrubbed(said) == shown


@pytest.mark.parametrize(
    "said",
    [
        "0193f2d2-0000-7000-8000-000000000000",
        "2026-11-28T00:00:22.400288Z",
        "evt_1SWpL2AbCdEfGhIj",
        "http://127.0.0.1:45443/v1/account",
        "1795467540",
        "SELECT $1::bigint",
        "/api/access/{user_id}",
    ],
)
def test_what_is_no_secret_stays(said: str) -> None:
    assert scrubbed(said) == said


def test_only_lines_about_trouble_and_those_of_others_are_looked_through() -> None:
    """Who asked is told as it is: whoever runs the service has chosen what a user's id is."""
    line = {"event": "x", "reason": "ann@example.com", "user_id": "ann@example.com"}

    assert scrub_trouble(None, "info", dict(line)) == line
    hidden = {**line, "reason": "[hidden]"}
    assert scrub_trouble(None, "error", dict(line)) == scrub(None, "info", dict(line)) == hidden
