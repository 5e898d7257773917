"""The examples of docs/how-to: each does what its page says."""

import importlib.util
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import httpx
import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.routing import Mount

from billing_bootstrap.application import Application
from billing_core import Caller, Role
from billing_core.domain.errors import StorageUnavailable
from billing_http.mounting import Mounted
from billing_memory import MemoryUnitOfWork, MemoryUnitsOfWork
from tests.builders import course
from tests.component.http.house import House

REPOSITORY = Path(__file__).parents[2]
ANN = {"X-User": "ann"}


def example(name: str) -> ModuleType:
    """An example as a module, though examples are no package."""
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@asynccontextmanager
async def opening(house: House) -> AsyncIterator[Application]:
    """An application on fakes, where the course is sold and Ann was given it."""
    await house.sells()
    admin = Caller("sue", frozenset({Role.ADMIN}))
    await house.application.grant_by_hand(admin, "ann", course(), reason="a prize")
    yield house.application


class Away(MemoryUnitsOfWork):
    """A database that cannot be reached."""

    def __call__(self) -> MemoryUnitOfWork:
        """Nothing there."""
        raise StorageUnavailable


@asynccontextmanager
async def client_of(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who asks the application while it lives."""
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://lessons.test") as client,
    ):
        yield client


def test_the_plain_program_says_what_its_page_shows() -> None:
    """Line by line."""
    said = subprocess.run(
        [sys.executable, "examples/plain_program.py"], cwd=REPOSITORY, check=True, capture_output=True, text=True
    ).stdout

    page = (REPOSITORY / "docs/how-to/use-it-in-a-program.md").read_text(encoding="utf-8")
    assert f"$ python examples/plain_program.py\n{said}```" in page


async def test_starlette_serves_its_own_routes_and_the_billing_api() -> None:
    """On one application: what one grants, the other opens."""
    app = example("mounted_in_starlette").create_app(opening(House()))

    async with client_of(app) as client:
        assert (await client.get("/lessons/k8s-101", headers=ANN)).text == "Welcome to the lesson."
        assert (await client.get("/lessons/k8s-101")).status_code == 401
        refused = await client.get("/lessons/k8s-101", headers={"X-User": "bob"})
        assert (refused.status_code, refused.text) == (403, "Not yours: no_grant.")
        assert [plan["id"] for plan in (await client.get("/api/subscriptions/plans")).json()["plans"]]
        assert (await client.get("/nothing")).json()["code"] == "not_found"


async def test_the_api_is_the_same_below_a_prefix() -> None:
    """Rate limits, rights and problems look at the path as if nothing stood before it."""
    house = House()
    billing = Mounted(opening(house))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with billing:
            yield

    app = Starlette(routes=[Mount("/billing", billing)], lifespan=lifespan)
    async with client_of(app) as client:
        assert (await client.get("/billing/api/health/live")).json() == {"status": "ok"}
        mine = await client.get("/billing/api/access/ann", headers={"Authorization": f"Bearer {house.token('ann')}"})
        assert len(mine.json()["grants"]) == 1
        problem = (await client.get("/billing/api/purchases/history/ann")).json()
        assert (problem["code"], problem["instance"]) == ("unauthenticated", "/api/purchases/history/ann")


async def test_it_says_where_it_was_mounted_but_not_opened() -> None:
    billing = Mounted(opening(House()))

    with pytest.raises(RuntimeError, match="enter `Mounted` in the lifespan"):
        _ = billing.application


async def test_an_application_that_cannot_be_opened_is_not_served() -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[Application]:
        await House(units=Away()).sells()
        yield House().application

    with pytest.raises(StorageUnavailable):
        async with Mounted(broken()):
            pass


def test_flask_asks_the_use_cases_from_its_own_threads() -> None:
    app: Flask = example("from_flask").create_app(opening(House()))

    client = app.test_client()
    assert client.get("/lessons/k8s-101", headers=ANN).text == "Welcome to the lesson."
    assert client.get("/lessons/k8s-101").status_code == 401
    refused = client.get("/lessons/k8s-101", headers={"X-User": "bob"})
    assert refused.status_code == 403
    assert "Not yours: no_grant." in refused.text
