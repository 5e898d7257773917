"""The gate: tokens in the header, and limits for users and addresses."""

from typing import Any

import httpx
import pytest
from attrs import field, frozen

from billing_core.domain.callers import Role
from tests.component.http.house import ORIGIN, House


@frozen(kw_only=True)
class Told:
    """What is left of a limit."""

    remaining: int
    limit: int = 2
    window_seconds: int = 60
    reset_seconds: int = 17

    @property
    def allowed(self) -> bool:
        """Whether something was."""
        return self.remaining >= 0


@frozen
class CountTo:
    """A rate limiter that allows each key so many requests, ever."""

    most: int
    hits: dict[tuple[str, ...], int] = field(factory=dict)

    async def hit(self, *key: str) -> Told:
        """Count."""
        self.hits[key] = self.hits.get(key, 0) + 1
        return Told(remaining=self.most - self.hits[key])


def limited(users: int = 1000, addresses: int = 1000) -> tuple[House, CountTo, CountTo]:
    """A house with limits."""
    by_user, by_address = CountTo(users), CountTo(addresses)
    return House(user_limit=by_user, address_limit=by_address), by_user, by_address


async def test_one_request_too_many_is_told_when_to_come_back() -> None:
    house, _, _ = limited(addresses=2)
    answers = [await house.ask("GET", "/api/subscriptions/plans", user=None) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["code"] == "rate_limited"
    assert answers[2].headers["retry-after"] == "17"


async def test_every_answer_says_what_is_left_of_the_limit() -> None:
    """Also a refusal, and what has no route; not where there is no limit."""
    house, _, _ = limited(addresses=2)
    answers = [await house.ask("GET", path, user=None) for path in ("/api/nonsense", "/api/access/ann", "/api/health")]

    told = [{name: value for name, value in one.headers.items() if name.startswith("ratelimit")} for one in answers]
    same = {"ratelimit-limit": "2", "ratelimit-reset": "17", "ratelimit-policy": "2;w=60"}
    assert told == [{"ratelimit-remaining": "1", **same}, {"ratelimit-remaining": "0", **same}, {}]


async def test_a_page_may_read_what_is_left() -> None:
    house, _, _ = limited()
    answer = await house.ask("GET", "/api/subscriptions/plans", user=None, headers={"Origin": ORIGIN})

    assert "RateLimit-Remaining" in answer.headers["access-control-expose-headers"]


async def test_users_are_counted_by_name_and_everybody_else_by_address() -> None:
    house, by_user, by_address = limited()
    for user, roles in (("ann", ()), ("sue", (Role.ADMIN,)), ("lms", (Role.SERVICE,)), (None, ())):
        await house.ask("GET", "/api/access/ann", user=user, roles=roles)
    await house.ask("GET", "/api/access/ann", user=None, headers={"Authorization": "Bearer nonsense"})

    assert by_user.hits == {("user", "ann"): 1, ("user", "sue"): 1}
    assert by_address.hits == {("address", "127.0.0.1"): 2}


@pytest.mark.parametrize("path", ["/api/health", "/api/health/live", "/api/health/ready", "/metrics"])
async def test_whoever_watches_has_no_limit(path: str) -> None:
    house, _, _ = limited(addresses=0)

    assert (await house.ask("GET", path, user=None)).status_code == 200


async def test_stripe_has_no_limit() -> None:
    house, _, _ = limited(addresses=0)

    assert (await house.post_webhook(b"{}", "t=1,v1=ab")).status_code == 400


@pytest.mark.parametrize(
    ("addresses", "counted"),
    [
        (["2001:db8:1:2::1", "2001:db8:1:2:ffff::9"], 1),
        (["2001:db8:1:2::1", "2001:db8:1:3::1"], 2),
        (["192.0.2.1", "192.0.2.2"], 2),
    ],
)
async def test_an_ipv6_network_counts_as_one(addresses: list[str], counted: int) -> None:
    house, _, by_address = limited()
    app: Any = house.http
    for address in addresses:
        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://billing.test") as client:
            await client.get("/api/subscriptions/plans")

    assert len(by_address.hits) == counted


@pytest.mark.parametrize("header", ["nonsense", "Basic YW5uOmFubg==", "Bearer", "Bearer ", "Token abc", "Bearer a b"])
async def test_a_header_that_is_no_bearer_token_is_refused(house: House, header: str) -> None:
    answer = await house.ask("GET", "/api/access/ann", user=None, headers={"Authorization": header})

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="billing", error="invalid_token"'


async def test_without_a_token_one_is_asked_for(house: House) -> None:
    answer = await house.ask("GET", "/api/access/ann", user=None)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="billing"'


async def test_two_tokens_are_one_too_many(house: House, ann: str) -> None:
    header = ("Authorization", f"Bearer {house.token(ann)}")
    answer = await house.client.get(f"/api/access/{ann}", headers=[header, header])

    assert answer.status_code == 401


async def test_a_bad_token_does_not_close_what_is_public(house: House) -> None:
    answer = await house.ask("GET", "/api/subscriptions/plans", user=None, headers={"Authorization": "Bearer x"})

    assert answer.status_code == 200


async def test_the_word_bearer_may_be_written_in_any_case(house: House, ann: str) -> None:
    header = {"Authorization": f"bearer {house.token(ann)}"}

    assert (await house.ask("GET", f"/api/access/{ann}", user=None, headers=header)).status_code == 200


async def test_a_bad_body_of_nobody_is_not_even_read(house: House) -> None:
    """Who may not ask is told that first."""
    answer = await house.client.post("/api/purchases/create", content=b"{nonsense")

    assert answer.status_code == 401
