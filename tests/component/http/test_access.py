"""Access over HTTP: grants, decisions now and in the past, many at once, grants by hand."""

from datetime import timedelta

import pytest

from billing_core.domain.callers import Role
from tests.component.http.house import House

COURSE = {"resource_type": "course", "resource_id": "k8s-101"}


def instant(house: House, **later: float) -> str:
    """A moment so much after the clock's present."""
    return f"{house.clock.now() + timedelta(**later):%Y-%m-%dT%H:%M:%SZ}"


async def test_grants_name_their_source(house: House, ann: str) -> None:
    purchase_id = await house.buys(ann)

    answer = (await house.ask("GET", f"/api/access/{ann}", user=ann)).json()

    assert answer["user_id"] == ann
    assert answer["version"] > 0
    assert answer["grants"] == [
        {
            **COURSE,
            "source": {"kind": "purchase", "id": purchase_id},
            "granted_at": instant(house),
            "expires_at": None,
        }
    ]


async def test_one_without_anything_has_no_grants(house: House, ann: str) -> None:
    answer = await house.ask("GET", f"/api/access/{ann}", user=ann)

    assert answer.json() == {"user_id": ann, "version": 0, "grants": []}


async def test_a_decision_without_any_grant_says_so(house: House, ann: str) -> None:
    answer = await house.ask("GET", f"/api/access/{ann}/lab/net-1", user=ann)

    assert answer.json() == {
        "resource_type": "lab",
        "resource_id": "net-1",
        "allowed": False,
        "reason": "no_grant",
        "source": None,
        "expires_at": None,
    }


async def test_a_subscription_to_the_platform_opens_everything(house: House, ann: str) -> None:
    subscription = await house.subscribes(ann)

    answer = (await house.ask("GET", f"/api/access/{ann}/lab/net-1", user=ann)).json()

    assert (answer["allowed"], answer["reason"]) == (True, "subscription_active")
    assert answer["source"] == {"kind": "subscription", "id": subscription["id"]}


async def test_many_decisions_come_in_the_order_in_which_they_were_asked_for(house: House, ann: str) -> None:
    await house.buys(ann)
    asked = [COURSE, {"resource_type": "lab", "resource_id": "net-1"}, COURSE]

    answer = (await house.ask("POST", f"/api/access/{ann}/check", user=ann, json={"resources": asked})).json()

    assert [decision["allowed"] for decision in answer["decisions"]] == [True, False, True]
    assert [decision["resource_id"] for decision in answer["decisions"]] == ["k8s-101", "net-1", "k8s-101"]


@pytest.mark.parametrize(("count", "status"), [(0, 400), (1, 200), (500, 200), (501, 400)])
async def test_between_one_and_five_hundred_are_decided_at_once(
    house: House, ann: str, count: int, status: int
) -> None:
    answer = await house.ask("POST", f"/api/access/{ann}/check", user=ann, json={"resources": [COURSE] * count})

    assert answer.status_code == status


@pytest.mark.parametrize("kind", ["planet", "COURSE", "*"])
async def test_an_unknown_type_is_refused(house: House, ann: str, kind: str) -> None:
    one = await house.ask("GET", f"/api/access/{ann}/{kind}/x", user=ann)
    many = await house.ask(
        "POST", f"/api/access/{ann}/check", user=ann, json={"resources": [{"resource_type": kind, "resource_id": "x"}]}
    )

    assert (one.status_code, one.json()["errors"][0]["field"]) == (400, "resource_type")
    assert (many.status_code, many.json()["errors"][0]["field"]) == (400, "resources[0].resource_type")


async def test_the_past_is_decided_by_what_is_known_now_or_was_known_then() -> None:
    house = await House().sells()
    before = instant(house)
    house.clock.advance(timedelta(days=1))
    await house.grants("ann")
    given = instant(house)
    house.clock.advance(timedelta(days=1))
    path = "/api/access/ann/course/k8s-101"

    answers = [
        await house.ask("GET", f"{path}?{query}", user="ann")
        for query in (f"at={before}", f"at={given}", f"at={given}&known_at={before}")
    ]

    assert [answer.json()["allowed"] for answer in answers] == [False, True, False]


async def test_known_at_alone_asks_of_now(house: House, ann: str) -> None:
    """What is true now by what was known then: the grant came later."""
    await house.grants(ann)
    path = f"/api/access/{ann}/course/k8s-101"
    before = (house.clock.now() - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    now = await house.ask("GET", path, user=ann)
    then = await house.ask("GET", f"{path}?known_at={before}", user=ann)
    assert [answer.json()["allowed"] for answer in (now, then)] == [True, False]


@pytest.mark.parametrize("text", ["null", "0.5", "1795467540", "yesterday"])
async def test_a_time_is_written_as_a_time(house: House, ann: str, text: str) -> None:
    answer = await house.ask("GET", f"/api/access/{ann}/course/x?at={text}", user=ann)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "at")


@pytest.mark.parametrize("at", ["yesterday", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z"])
async def test_a_time_that_is_no_time_is_refused(house: House, ann: str, at: str) -> None:
    answer = await house.ask("GET", f"/api/access/{ann}/course/x?at={at}", user=ann)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "at")


async def test_a_grant_by_hand_opens_until_it_is_revoked(house: House, ann: str) -> None:
    granted = await house.grants(ann)
    decision = await house.ask("GET", f"/api/access/{ann}/course/k8s-101", user=ann)
    path = f"/api/access/{ann}/grants/{granted['source']['id']}"

    revoked = [await house.ask("DELETE", path, user="sue", roles=[Role.ADMIN]) for _ in range(2)]
    after = await house.ask("GET", f"/api/access/{ann}/course/k8s-101", user=ann)

    assert (granted["source"]["kind"], granted["expires_at"]) == ("manual", None)
    assert decision.json()["reason"] == "granted_manually"
    assert [(answer.status_code, answer.content) for answer in revoked] == [(204, b""), (204, b"")]
    assert after.json()["reason"] == "revoked"


async def test_a_grant_by_hand_may_end_by_itself(house: House, ann: str) -> None:
    wanted = {**COURSE, "reason": "a trial", "expires_at": instant(house, days=7)}

    granted = await house.ask("POST", f"/api/access/{ann}/grants", user="sue", roles=[Role.ADMIN], json=wanted)

    assert (granted.status_code, granted.json()["expires_at"]) == (201, wanted["expires_at"])


@pytest.mark.parametrize(
    ("wrong", "field"), [({"reason": " "}, "reason"), ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at")]
)
async def test_a_grant_by_hand_needs_a_reason_and_a_future(
    house: House, ann: str, wrong: dict[str, str], field: str
) -> None:
    wanted = {**COURSE, "reason": "a prize", **wrong}

    answer = await house.ask("POST", f"/api/access/{ann}/grants", user="sue", roles=[Role.ADMIN], json=wanted)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


async def test_a_field_that_is_given_twice_is_refused(house: House, ann: str) -> None:
    """Two readers of one body might each believe another one of them."""
    body = b'{"resources": [{"resource_type": "course", "resource_id": "x", "resource_id": "y"}]}'
    headers = {"Authorization": f"Bearer {house.token(ann)}", "Content-Type": "application/json"}

    answer = await house.client.post(f"/api/access/{ann}/check", content=body, headers=headers)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "resource_id")


@pytest.mark.parametrize("path", ["/api/payments/methods/ann", "/api/payments/methods/pm_1"])
async def test_a_path_says_all_its_methods(house: House, path: str) -> None:
    """Also where two routes share it; a request with another method is refused before its key is remembered."""
    token = {"Authorization": f"Bearer {house.token('ann')}", "Idempotency-Key": "of-no-route"}

    options = await house.client.options(path)
    refused = [await house.client.request("POST", path, headers=token) for _ in range(2)]

    assert (options.status_code, options.headers["allow"]) == (204, "DELETE, GET, HEAD, OPTIONS")
    assert [(answer.status_code, answer.headers["allow"]) for answer in refused] == [
        (405, "DELETE, GET, HEAD, OPTIONS")
    ] * 2
    assert "idempotent-replayed" not in refused[1].headers
