"""``Idempotency-Key`` between two server processes on one PostgreSQL: twins are told the same, and done once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from attrs import define

from billing_core.domain.callers import Role
from tests.builders import K8S
from tests.contract.sandbox_server import KEY, Served
from tests.contract.sandbox_server import served as served_sandbox
from tests.contract.serving import URLS, bearer, sell, served, server_environ
from tests.databases import fresh_database

COURSE = {"resource_type": "course", "resource_id": "k8s-101"}
TWINS = 12


@define
class Pair:
    """Two servers that share everything but memory, and the Stripe that they call."""

    servers: tuple[httpx.Client, httpx.Client]
    box: Served

    def at_once(self, path: str, json: object, headers: dict[str, str]) -> list[httpx.Response]:
        """The answers to the same request many times at once, to both servers in turn."""
        with ThreadPoolExecutor(TWINS) as pool:
            asked = [
                pool.submit(self.servers[number % 2].post, path, json=json, headers=headers) for number in range(TWINS)
            ]
            return [one.result() for one in asked]

    def sessions_of(self, user: str) -> list[str]:
        """The checkout sessions that were opened for a user."""
        sessions = self.box.v1.checkout.sessions.list().data
        return [session.id for session in sessions if session.metadata["user_id"] == user]


@pytest.fixture(scope="module")
async def pair(postgres_url: str, migrated_template: str, redis_url: str) -> AsyncIterator[Pair]:
    """One pair for all: to start takes longer than to ask."""
    with fresh_database(postgres_url, template=migrated_template) as database_url, served_sandbox() as box:
        await sell(database_url, K8S)
        environ = server_environ(database_url, redis_url, STRIPE_SECRET_KEY=KEY, STRIPE_API_BASE=box.url)
        with served(environ) as (_, one), served(environ) as (_, other):
            yield Pair((one, other), box)


async def test_twins_at_two_servers_make_one_grant(pair: Pair) -> None:
    """A dozen at the same moment are answered alike."""
    given, headers = {**COURSE, "reason": "a prize"}, {**bearer("sue", [Role.ADMIN]), "Idempotency-Key": "k1"}
    answers = pair.at_once("/api/access/ann/grants", given, headers)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == TWINS - 1
    assert len(pair.servers[0].get("/api/access/ann", headers=bearer("ann")).json()["grants"]) == 1


async def test_twins_at_two_servers_open_one_checkout(pair: Pair) -> None:
    """With a call to Stripe in between; the key is the first request's at every server."""
    headers = {**bearer("bob"), "Idempotency-Key": "k1"}
    answers = pair.at_once("/api/purchases/create", {**COURSE, **URLS}, headers)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == len(pair.sessions_of("bob")) == 1
    for server in pair.servers:
        changed = {**COURSE, **URLS, "cancel_url": URLS["success_url"]}
        reused = server.post("/api/purchases/create", json=changed, headers=headers)
        assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")


async def test_many_at_once_without_a_key_open_one_checkout(pair: Pair) -> None:
    """Everybody is answered with it."""
    answers = pair.at_once("/api/purchases/create", {**COURSE, **URLS}, bearer("eve"))
    assert {answer.status_code for answer in answers} == {201}
    assert [answer.json()["session_id"] for answer in answers] == pair.sessions_of("eve") * TWINS


async def test_many_different_things_at_once_for_one_user_are_all_done(pair: Pair) -> None:
    """Nobody is refused because somebody else is at work on the user."""
    answers = pair.at_once("/api/access/max/grants", {**COURSE, "reason": "a prize"}, bearer("sue", [Role.ADMIN]))
    assert [answer.status_code for answer in answers] == [201] * TWINS
    assert len(pair.servers[0].get("/api/access/max", headers=bearer("max")).json()["grants"]) == TWINS
