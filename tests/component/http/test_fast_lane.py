"""The fast lane answers as the routes do, header by header, and leaves to them whatever is unusual."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import pytest
from attrs import evolve
from litestar.types import ASGIApp

from billing_core.domain.callers import Caller, Role
from billing_http.fast_lane import FastLane
from billing_http.idempotency import Once
from billing_http.operations import CALLER
from tests.builders import PRO
from tests.component.http.house import URLS, House


async def asked(
    app: ASGIApp,
    path: str,
    caller: Caller | str | None,
    *headers: tuple[bytes, bytes],
    method: str = "GET",
    body: Sequence[Any] = ({"type": "http.request", "body": b"", "more_body": False},),
) -> list[Any]:
    """What is answered to this request, as it comes from the gate: status, headers in an order of their own, body."""
    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": list(headers),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
        CALLER: caller,
    }
    sent: list[Any] = []
    said = list(body)

    async def receive() -> Any:  # noqa: ANN401 - of ASGI
        return said.pop(0)

    async def send(message: Any) -> None:  # noqa: ANN401 - of ASGI
        sent.append(message)

    await app(scope, receive, send)
    start, *bodies = sent
    answer = b"".join(message["body"] for message in bodies)
    return [start["status"], sorted(map(tuple, start["headers"])), answer, scope.get("path_template")]


async def refused(*_: object) -> None:
    """Stands for the routes, where a request must not come to them."""
    raise AssertionError("The fast lane should have answered this.")


def lane_of(house: House, app: ASGIApp) -> FastLane:
    """A lane that passes on to ``app``."""
    return FastLane(app=app, application=house.application)


@pytest.mark.parametrize(
    "path",
    [
        "/api/access/{}/course/k8s-101",
        "/api/access/{}/lab/*",
        "/api/subscriptions/status/{}",
        "/api/subscriptions/plans",
    ],
)
async def test_it_answers_as_the_routes_do(house: House, ann: str, path: str) -> None:
    """To themselves, to support staff, and to somebody whom it is no business of."""
    await house.subscribes(ann)
    lane = lane_of(house, refused)
    for caller in (Caller(ann), Caller("sue", frozenset({Role.ADMIN})), Caller("bob")):
        expected = await asked(house.http.routes, path.format(ann), caller)
        assert await asked(lane, path.format(ann), caller) == expected
        assert expected[0] in {200, 403}


CHECK = "/api/access/{}/check"
COURSES = [{"resource_type": "course", "resource_id": name} for name in ("k8s-101", "other", "k8s-101", "docker", "*")]
LAB = {"resource_type": "lab", "resource_id": "größer"}


async def checked(app: ASGIApp, user_id: str, caller: Caller, body: bytes, *headers: tuple[bytes, bytes]) -> list[Any]:
    """What is answered to a check with this body, which comes in two pieces."""
    length = (b"content-length", b"%d" % len(body))
    pieces = [
        {"type": "http.request", "body": body[:9], "more_body": True},
        {"type": "http.request", "body": body[9:], "more_body": False},
    ]
    usual = (b"content-type", b"application/json")
    return await asked(app, CHECK.format(user_id), caller, usual, length, *headers, method="POST", body=pieces)


async def test_many_decisions_are_answered_as_the_routes_do(house: House, ann: str) -> None:
    """Whatever opens them: a subscription, a purchase of their own, nothing; written in one line or in many."""
    await house.subscribes(ann)
    for course in ("docker", "other"):
        await house.ask("POST", f"/api/access/{ann}/grants", user="sue", roles=[Role.ADMIN], json={
            "resource_type": "course", "resource_id": course, "reason": course
        })  # fmt: skip
    lane = lane_of(house, refused)
    for caller in (Caller(ann), Caller("sue", frozenset({Role.ADMIN})), Caller("bob")):
        for body in (
            json.dumps({"resources": [*COURSES, LAB]}, ensure_ascii=False),
            json.dumps({"resources": COURSES}),
        ):
            expected = await checked(house.http.routes, ann, caller, body.encode())
            assert await checked(lane, ann, caller, body.encode()) == expected
            assert expected[0] in {200, 403}


#: The longest ids that there are, of characters beyond the 65,536 that JSON has one escape for.
LONGEST = json.dumps(
    {
        "resources": [
            {"resource_type": "learning_path", "resource_id": f"{n:03}" + "\U0001f600" * 252} for n in range(500)
        ]
    },
    ensure_ascii=False,
)
ESCAPED = json.dumps(json.loads(LONGEST), indent=4)


@pytest.mark.parametrize(("body", "app"), [(LONGEST, refused), (ESCAPED, None)], ids=["as-they-are", "escaped"])
@pytest.mark.parametrize("key", [(), ((b"idempotency-key", b"k"),)], ids=["", "under-a-key"])
async def test_as_many_as_are_promised_with_ids_as_long_as_are_promised_are_answered(
    house: House, ann: str, body: str, app: ASGIApp | None, key: tuple[tuple[bytes, bytes], ...]
) -> None:
    """However they are written: as they are it is the lane that answers, and under a key, or escaped, the routes."""
    behind = house.http.routes if app is None else app
    once = Once(app=house.http.routes, answer_once=house.application.answer_once)

    status, *_ = await checked(once if key else lane_of(house, behind), ann, Caller(ann), body.encode(), *key)

    assert status == 200


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "{}",
        '{"resources": []}',
        json.dumps({"resources": [LAB] * 501}, ensure_ascii=False),
        json.dumps({"resources": [{"resource_type": "course", "resource_id": "größer"}]}),
        '{"resources": [], "resources": [{"resource_type": "lab", "resource_id": "a"}]}',
        '{"resources": [{"resource_type": "lab", "resource_id": "a", "resource_id": "b"}]}',
        '{"resources": [{"resource_type": "lab", "resource_id": "resource_id"}]}',
        '{"resources": [{"resource_type": "lab", "resource_id": "a", "resource\\u005fid": "b"}]}',
        '{"resources": [{"resource_type": "lab", "resource_id": "a", "more": 1}]}',
        '{"resources": [{"resource_type": "spaceship", "resource_id": "a"}]}',
        '{"resources": [{"resource_type": "lab", "resource_id": "a/b"}]}',
        '{"resources": [{"resource_type": "lab", "resource_id": 1}]}',
        '{"resources": [{"resource_type": "lab", "resource_id": "\udcff"}]}',
    ],
)
async def test_a_body_that_is_unusual_is_for_the_routes(house: House, ann: str, body: str) -> None:
    """They get it whole, and their answer is the answer."""
    sent = body.encode("utf-8", "surrogateescape")
    expected = await checked(house.http.routes, ann, Caller(ann), sent)
    assert await checked(lane_of(house, house.http.routes), ann, Caller(ann), sent) == expected
    with pytest.raises(AssertionError):
        await checked(lane_of(house, refused), ann, Caller(ann), sent)


async def test_a_check_under_a_key_or_in_another_coding_is_for_the_routes(house: House, ann: str) -> None:
    body = json.dumps({"resources": [LAB]}).encode()
    for header in ((b"idempotency-key", b"k"), (b"content-encoding", b"gzip"), (b"content-type", b"text/plain")):
        with pytest.raises(AssertionError):
            await checked(lane_of(house, refused), ann, Caller(ann), body, header)


@pytest.mark.parametrize(
    ("path", "caller", "status"),
    [
        ("/api/subscriptions/status/ann", None, 401),
        ("/api/access/ann/course/k8s-101", "The token has expired.", 401),
        ("/api/access/ann/spaceship/k8s-101", Caller("ann"), 400),
        ("/api/access/ann/course/a\x00b", Caller("ann"), 400),
        ("/api/subscriptions/status/" + "a" * 256, Caller("a" * 256), 400),
        ("/api/subscriptions/status", Caller("ann"), 404),
        ("/api/access/ann%2fcourse%2fk8s", Caller("ann"), 404),
    ],
)
async def test_what_is_unusual_is_for_the_routes(
    house: House, path: str, caller: Caller | str | None, status: int
) -> None:
    assert (await asked(lane_of(house, house.http.routes), path, caller))[0] == status


async def test_the_plans_are_those_that_were_committed_last() -> None:
    """Also where they were answered a moment before; whoever has them already is for the routes to tell."""
    here = await House().sells([PRO])
    lane = lane_of(here, here.http.routes)
    first = await asked(lane, "/api/subscriptions/plans", None)
    assert await asked(lane, "/api/subscriptions/plans", None) == first
    tag = dict(first[1])[b"etag"]
    assert (await asked(lane, "/api/subscriptions/plans", None, (b"if-none-match", tag)))[0] == 304
    await here.sells([evolve(PRO, name="Professional")])
    assert b"Professional" in (await asked(lane, "/api/subscriptions/plans", None))[2]


async def test_an_event_is_taken_in_whole_and_one_that_is_cut_short_is_not() -> None:
    """As by the routes; a body that tells no length, or a great one, is theirs."""
    here = await House().sells([PRO])
    await here.ask("POST", "/api/subscriptions/checkout-session", user="ann", json={"plan_id": PRO.id, **URLS})
    (delivery, *_) = here.provider.take_deliveries()
    signature = (b"stripe-signature", here.provider.signature_of(delivery.payload, here.clock.now()).encode())
    length = (b"content-length", str(len(delivery.payload)).encode())
    too_long = (b"content-length", b"1048577")

    async def posted(app: ASGIApp, *headers: tuple[bytes, bytes], body: list[Any]) -> list[Any]:
        return await asked(app, "/api/webhooks/stripe", None, *headers, method="POST", body=body)

    half = len(delivery.payload) // 2
    parts = [
        {"type": "http.request", "body": delivery.payload[:half], "more_body": True},
        {"type": "http.request", "body": delivery.payload[half:], "more_body": False},
    ]
    lane = lane_of(here, refused)
    status, _, body, route = await posted(lane, signature, length, body=[*parts])
    assert (status, body, route) == (200, b'{"received":true,"duplicate":false}', "/api/webhooks/stripe")
    by_the_routes = await posted(here.http.routes, signature, length, body=[*parts])
    assert by_the_routes == await posted(lane, signature, length, body=[*parts])
    assert b'"duplicate":true' in by_the_routes[2]
    for wrong in ([parts[0], {"type": "http.disconnect"}], [{**parts[1], "more_body": False}]):
        assert (await posted(lane, signature, length, body=wrong))[0] == 400
    for headers in ((signature,), (signature, too_long), (signature, (b"content-length", b"-1"))):
        with pytest.raises(AssertionError):
            await posted(lane, *headers, body=[*parts])


@pytest.mark.parametrize(("order", "status"), [((0, 1), 200), ((1, 0), 400)], ids=["good-and-bad", "bad-and-good"])
async def test_of_two_signatures_both_go_by_the_same_one(house: House, order: tuple[int, int], status: int) -> None:
    """Two headers of one name are unusual, and the routes say what counts: the first."""
    payload = house.provider.world.tell_nothing("invoice.upcoming").payload
    good = (b"stripe-signature", house.provider.signature_of(payload, house.clock.now()).encode())
    bad = (b"stripe-signature", b"t=1,v1=00")
    headers = [*((good, bad)[place] for place in order), (b"content-length", b"%d" % len(payload))]
    body = [{"type": "http.request", "body": payload, "more_body": False}]

    in_lane = await asked(
        lane_of(house, house.http.routes), "/api/webhooks/stripe", None, *headers, method="POST", body=body
    )
    by_the_routes = await asked(house.http.routes, "/api/webhooks/stripe", None, *headers, method="POST", body=body)

    assert [in_lane[0], by_the_routes[0]] == [status, status]
