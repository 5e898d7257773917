"""Reading requests: return addresses, bodies that are no JSON, and what is too large."""

from typing import Any

import pytest
import structlog

from billing_core.domain.callers import Role
from billing_http.problems import RequestRefused
from billing_http.reading import require_return_url
from tests.component.http.house import ORIGIN, URLS, House

ORIGINS = frozenset({ORIGIN, "http://localhost:3000"})


@pytest.mark.parametrize(
    "url",
    [
        ORIGIN,
        f"{ORIGIN}/",
        f"{ORIGIN}/thanks?session={{CHECKOUT_SESSION_ID}}#done",
        f"{ORIGIN}:443/thanks",
        "HTTPS://APP.EXAMPLE.COM/thanks",
        "http://localhost:3000/thanks",
    ],
)
def test_a_return_address_on_a_configured_origin_is_taken(url: str) -> None:
    assert require_return_url("success_url", url, ORIGINS) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/",
        "http://app.example.com/",
        "https://app.example.com:8443/",
        "https://app.example.com.evil.com/",
        "https://app.example.com@evil.com/",
        "https://evil.com@app.example.com/",
        "https://evil.com\\@app.example.com/",
        "https://app.example.com\\@evil.com/",
        "//app.example.com/",
        "/thanks",
        "javascript:alert(1)//https://app.example.com",
        " https://app.example.com/",
        "https://app.example.com/\r\nLocation: x",
        "https://app.example.com\t.evil.com/",
        "https://app.exàmple.com/",
        'https://app.example.com/"onload=alert(1)',
        "https://app.example.com/<script>",
        "https://app.example.com|evil.com/",
        "https://app.example.com%2eevil.com/",
        "https://app.example.com。evil.com/",
        "https://app.example.com;evil.com/",
        "https:app.example.com",
        "https:///app.example.com/",
        "https://[::1/",
        "https://app.example.com:99999/",
        "http://localhost:3001/thanks",
        "",
    ],
)
def test_any_other_return_address_is_refused(url: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        require_return_url("success_url", url, ORIGINS)

    assert refused.value.problem.errors[0].field == "success_url"


@pytest.mark.parametrize("field", ["success_url", "cancel_url"])
@pytest.mark.parametrize("path", ["/api/subscriptions/checkout-session", "/api/purchases/create"])
async def test_a_checkout_leads_back_to_us_alone(house: House, ann: str, path: str, field: str) -> None:
    what = (
        {"plan_id": "pro-monthly"} if "subscriptions" in path else {"resource_type": "course", "resource_id": "k8s-101"}
    )

    answer = await house.ask("POST", path, user=ann, json={**what, **URLS, field: "https://evil.example.com/"})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"plan_id": "\\ud800"}', b"{" * 5000])
async def test_a_body_that_is_no_json_object_is_refused(house: House, ann: str, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {house.token(ann)}", "Content-Type": "application/json"}
    answer = await house.client.post("/api/purchases/create", content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


@pytest.mark.parametrize(
    ("number", "status"), [("1", 200), ("1.0", 200), ("10e-1", 200), ("1.5", 400), ("1e400", 400), ("NaN", 400)]
)
async def test_an_integer_may_be_written_as_json_allows_and_nothing_else_is_one(
    house: House, ann: str, number: str, status: int
) -> None:
    subscription = await house.subscribes(ann)
    body = f'{{"plan_id": "team-monthly", "quantity": {number}}}'.encode()
    headers = {"Authorization": f"Bearer {house.token(ann)}", "Content-Type": "application/json"}
    path = f"/api/subscriptions/{subscription['id']}/preview"

    answer = await house.client.post(path, content=body, headers=headers)

    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", "", "application/jsonp"],
)
async def test_a_body_of_another_type_is_refused(house: House, ann: str, media_type: str) -> None:
    headers = {"Authorization": f"Bearer {house.token(ann)}", "Content-Type": media_type}
    answer = await house.client.post("/api/purchases/create", content=b"{}", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"plan_id": 1}, "Expected text, got a whole number."),
        ({"plan_id": "pro", "quantity": "2"}, "Expected a whole number or null, got text."),
        ({"plan_id": ""}, "Expected text of length >= 1."),
    ],
    ids=["a-number", "text", "nothing"],
)
async def test_what_does_not_fit_is_said_in_words_of_json(
    house: House, ann: str, given: dict[str, object], message: str
) -> None:
    """Not in those of the language that this service happens to be written in."""
    subscription = await house.subscribes(ann)

    answer = await house.ask("POST", f"/api/subscriptions/{subscription['id']}/preview", user=ann, json=given)

    assert answer.json()["errors"][0]["message"] == message


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip"])
async def test_a_compressed_body_is_refused_unread(house: House, ann: str, coding: str) -> None:
    headers = {"Authorization": f"Bearer {house.token(ann)}", "Content-Type": "application/json"}
    answer = await house.client.post(
        "/api/purchases/create", content=b"{}", headers={**headers, "Content-Encoding": coding}
    )

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"']
)
async def test_json_may_say_that_it_is_utf_8(house: House, ann: str, media_type: str) -> None:
    headers = {"Authorization": f"Bearer {house.token(ann)}", "Content-Type": media_type}
    answer = await house.client.post("/api/purchases/create", content=b"{}", headers=headers)

    assert answer.json()["errors"][0]["message"] == "This field is missing."


@pytest.mark.parametrize(("path", "size"), [("/api/purchases/create", 300_000), ("/api/access/{}/check", 1_700_000)])
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k-1"}], ids=["without-key", "with-key"])
async def test_a_body_that_is_too_large_is_refused(
    house: House, ann: str, path: str, size: int, headers: dict[str, str]
) -> None:
    answer = await house.ask("POST", path.format(ann), user=ann, json={"resource_id": "x" * size}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    "query", ["limit=20&limit=20", "limit=0", "limit=101", "limit=x", "limit=", "limit=1.5", "cursor="]
)
async def test_a_query_that_does_not_fit_is_refused(house: House, ann: str, query: str) -> None:
    answer = await house.ask("GET", f"/api/payments/history/{ann}?{query}", user=ann)

    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize("cursor", ["nonsense", "AAAA", "%00", "é", "Og", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk6eA"])
async def test_a_cursor_that_was_never_given_out_is_refused(house: House, ann: str, cursor: str) -> None:
    answer = await house.ask("GET", f"/api/payments/history/{ann}?cursor={cursor}", user=ann)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "cursor")


@pytest.mark.parametrize("character", ["%00", "%0A", "%7F", "%1B", "%C2%85"])
async def test_control_characters_in_an_id_are_refused(house: House, ann: str, character: str) -> None:
    answer = await house.ask("GET", f"/api/access/{ann}/course/k8s{character}", user=ann)

    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


async def test_an_id_that_is_too_long_is_refused(house: House, ann: str) -> None:
    answer = await house.ask("GET", f"/api/access/{ann}/course/{'x' * 256}", user=ann)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "resource_id")


async def test_an_id_may_hold_whatever_else_there_is(house: House, ann: str) -> None:
    answer = await house.ask("GET", f"/api/access/{ann}/course/k8s%20101%3F%23%C3%A9", user=ann)

    assert (answer.status_code, answer.json()["resource_id"]) == (200, "k8s 101?#é")


@pytest.mark.parametrize("key", [[], [(b"idempotency-key", b"k-1")]], ids=["without-key", "with-key"])
async def test_a_client_that_went_away_halfway_is_no_failure_of_ours(
    house: House, ann: str, log: structlog.testing.LogCapture, key: list[tuple[bytes, bytes]]
) -> None:
    """Nobody reads the answer; but nobody is woken for it either."""
    said: list[Any] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    answered: list[Any] = []
    headers = [(b"authorization", f"Bearer {house.token(ann)}".encode()), (b"content-type", b"application/json"), *key]
    path = "/api/purchases/create"
    scope: Any = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "scheme": "http",
        "server": ("x", 1),
        "client": ("y", 2),
        "root_path": "",
    }

    async def receive() -> Any:  # noqa: ANN401 - one of many messages
        return said.pop(0)

    async def send(message: Any) -> None:  # noqa: ANN401 - one of many messages
        answered.append(message)

    await house.http(scope, receive, send)

    assert answered[0]["status"] == 400
    assert [entry["event"] for entry in log.entries] == ["request"]


PLANS = "/api/subscriptions/plans"


@pytest.mark.parametrize(
    "path",
    [
        f"/{PLANS}",
        f"{PLANS}/",
        "/api//subscriptions/plans",
        "/api%2Fsubscriptions/plans",
        "/api/access/ann%2fcourse%2fk8s",
        "//metrics",
        "/metrics/",
        "/api/schema/",
        "/api/schema//openapi.json",
    ],
)
async def test_one_thing_has_one_path(house: House, path: str) -> None:
    """Whatever else leads there would lead around a proxy that keeps it from the public."""
    answer = await house.ask("GET", f"http://billing.test{path}", user="ann")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("user", ["%ff", "%F0%9F", "%ed%a0%80", "a%c0%80"])
async def test_a_path_that_is_no_text_is_refused(house: House, user: str) -> None:
    """What is not UTF-8 would else be read as one and the same user, whatever it is."""
    answer = await house.ask("GET", f"/api/access/{user}", user="sue", roles=[Role.ADMIN])

    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


@pytest.mark.parametrize("user", ["%EF%BF%BD", "%C3%A9", "a%20b", "100%25"])
async def test_an_id_may_be_written_in_percents(house: House, user: str) -> None:
    answer = await house.ask("GET", f"/api/access/{user}", user="sue", roles=[Role.ADMIN])

    assert answer.status_code == 200
