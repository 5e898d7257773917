"""What every answer carries: request id, security headers, CORS for pages of allowed origins, one line in the log."""

import pytest
import structlog

from tests.component.http.house import ORIGIN, House

PATHS = ["/api/subscriptions/plans", "/api/nonsense", "/api/access/ann", "/api/schema", "/api/health/live"]


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_has_security_headers_and_a_request_id(house: House, path: str) -> None:
    answer = await house.ask("GET", path, user=None)

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert len(answer.headers["x-request-id"]) == 32
    assert "strict-transport-security" not in answer.headers


async def test_behind_tls_browsers_are_told_to_stay_there(house: House) -> None:
    answer = await house.client.get("https://billing.test/api/health/live")

    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


@pytest.mark.parametrize("given", ["a", "Trace.1-2_3", "x" * 128])
async def test_a_callers_own_request_id_is_kept(house: House, given: str) -> None:
    answer = await house.ask("GET", "/api/health/live", user=None, headers={"X-Request-Id": given})

    assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a;b", "é"])
async def test_a_request_id_that_does_not_fit_is_replaced(house: House, given: str) -> None:
    answer = await house.client.get("/api/health/live", headers=[(b"X-Request-Id", given.encode())])

    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 32


async def test_each_request_is_one_line_of_the_log(house: House, ann: str, log: structlog.testing.LogCapture) -> None:
    answer = await house.ask("GET", f"/api/access/{ann}", user=ann)

    (line,) = log.entries
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "request",
        "log_level": "info",
        "method": "GET",
        "route": "/api/access/{user_id}",
        "status": 200,
        "user_id": ann,
        "request_id": answer.headers["x-request-id"],
    }


async def test_head_is_logged_as_what_it_was(house: House, ann: str, log: structlog.testing.LogCapture) -> None:
    """It is answered as GET, by the fast lane too; a client that has the plans already is told so."""
    plans = await house.ask("HEAD", "/api/subscriptions/plans", user=None)
    again = await house.ask(
        "HEAD", "/api/subscriptions/plans", user=None, headers={"If-None-Match": plans.headers["etag"]}
    )
    await house.ask("HEAD", f"/api/subscriptions/status/{ann}", user=ann)

    assert (plans.status_code, again.status_code) == (200, 304)
    assert [(line["method"], line["route"], line["status"]) for line in log.entries] == [
        ("HEAD", "/api/subscriptions/plans", 200),
        ("HEAD", "/api/subscriptions/plans", 304),
        ("HEAD", "/api/subscriptions/status/{user_id}", 200),
    ]


async def test_a_page_of_an_allowed_origin_may_call(house: House) -> None:
    answer = await house.ask("GET", "/api/subscriptions/plans", user=None, headers={"Origin": ORIGIN})

    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", f"{ORIGIN}.evil.com", "http://app.example.com"])
async def test_a_page_of_any_other_origin_may_not(house: House, origin: str) -> None:
    answer = await house.ask("GET", "/api/subscriptions/plans", user=None, headers={"Origin": origin})

    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"


async def test_a_preflight_says_what_a_page_may_send(house: House) -> None:
    asks = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
    answer = await house.ask("OPTIONS", "/api/subscriptions/x", user=None, headers=asks)

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-methods"] == "GET, POST, PUT, DELETE"
    assert "Authorization" in answer.headers["access-control-allow-headers"]


async def test_a_preflight_of_another_origin_is_allowed_nothing(house: House) -> None:
    asks = {"Origin": "https://evil.example.com", "Access-Control-Request-Method": "PUT"}
    answer = await house.ask("OPTIONS", "/api/subscriptions/x", user=None, headers=asks)

    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_what_concerns_a_user_is_kept_by_nobody_on_the_way(house: House, ann: str) -> None:
    answer = await house.ask("GET", f"/api/access/{ann}", user=ann)

    assert answer.headers["cache-control"] == "no-store"
