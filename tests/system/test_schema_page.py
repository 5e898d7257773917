"""The page of the API, as a real browser shows it to a frontend developer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from uvicorn import Config, Server

from tests.component.http.house import House
from tests.system.browser import browser

_RESULTS = Path(__file__).parents[2] / "test-results"


@pytest.fixture
def house() -> Iterator[tuple[House, str]]:
    """A house with things on sale, served on loopback; its address."""
    house = House()
    asyncio.run(house.sells())
    server = Server(Config(house.http, port=0, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.05)
    yield house, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_a_developer_finds_reads_and_tries_an_operation(house: tuple[House, str], tmp_path: Path) -> None:
    """With nothing but the page and a token."""
    at_home, address = house
    with browser(tmp_path) as page:
        page.open(f"{address}/api/schema")
        page.until_it_says("Who asks")
        page.type_into("#find", "grants in force")
        assert page.evaluate("[...document.querySelectorAll('nav a')].filter((one) => one.offsetHeight).length") == 1
        page.click("nav a:not([hidden])")
        page.until_it_says("unauthenticated")
        page.click("#list_grants details.inner:last-of-type summary")
        page.type_into("#list_grants input[aria-label=user_id]", "ann")
        page.click("#list_grants button")
        page.until_it_says("401 in")
        page.type_into("#token", at_home.token("ann"))
        page.click("#list_grants button")
        page.until_it_says("200 in")
        page.screenshot(_RESULTS / "schema-page.png")
        read = page.text()

    for told in ('"user_id": "ann"', "x-request-id: ", "curl 'http", "Authorization: Bearer $TOKEN"):
        assert told in read
