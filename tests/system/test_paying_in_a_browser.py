"""From the API to the checkout page and back, in a real browser: what a learner does, with mouse and keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.e2e.running_dev import RunningDev, eventually, started_dev
from tests.folders import folder_for_servers
from tests.system.browser import Page, browser

RESULTS = Path(__file__).parents[2] / "test-results"
COURSE = {"resource_type": "course", "resource_id": "k8s-101"}


class Shop(BaseHTTPRequestHandler):
    """The pages of the learning platform that a checkout goes back to."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>Shop</title><h1>Thank you</h1>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the class above
        """Nothing is said of each request."""


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def dev(shop: str) -> Iterator[RunningDev]:
    with (
        folder_for_servers("billing-system-") as folder,
        started_dev(folder / "dev", environment={"CHECKOUT_RETURN_ORIGINS": shop}) as running,
    ):
        running.until_it_says("Ready.")
        yield running


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with browser(tmp_path) as tab:
        yield tab


def checkout(dev: RunningDev, shop: str, path: str, wanted: dict[str, str]) -> str:
    """The address of the checkout page."""
    urls = {"success_url": f"{shop}/thanks", "cancel_url": f"{shop}/plans"}
    answer = dev.api(dev.settings["LEARNER_TOKEN"]).send("POST", path, wanted | urls)
    assert answer.status == 201, answer.text
    return str(answer.json["url"])


def fill_in(page: Page, number: str) -> None:
    """What a person types, field by field."""
    page.type_into("[name=email]", "ann@example.com")
    page.type_into("[name=card_number]", number)
    page.type_into("[name=card_expiry]", "12 / 34")
    page.type_into("[name=card_cvc]", "123")
    page.type_into("[name=name]", "Ann Learner")


def may_open(dev: RunningDev, resource: str) -> bool:
    return bool(dev.api(dev.settings["LEARNER_TOKEN"]).get(f"/api/access/learner-1/{resource}").json["allowed"])


def test_a_learner_pays_for_a_course_and_may_open_it(dev: RunningDev, shop: str, page: Page) -> None:
    """The first card is declined on the page; with the second they come back to the shop, and the course is open."""
    page.open(checkout(dev, shop, "/api/purchases/create", COURSE))
    for term in ("Kubernetes from the ground up", "$49.00", "Total due today"):
        page.until_it_says(term)
    fill_in(page, "4000 0000 0000 0002")
    page.click("button.pay")
    page.until_it_says("declined")
    page.screenshot(RESULTS / "checkout-declined.png")
    assert not may_open(dev, "course/k8s-101")

    fill_in(page, "4242 4242 4242 4242")
    page.screenshot(RESULTS / "checkout-filled-in.png")
    page.click("button.pay")
    page.until_at(f"{shop}/thanks")

    assert page.text() == "Thank you"
    page.screenshot(RESULTS / "checkout-thanks.png")
    eventually("open", lambda: "open" if may_open(dev, "course/k8s-101") else "closed")


def test_a_learner_subscribes_on_the_terms_of_the_page(dev: RunningDev, shop: str, page: Page) -> None:
    page.open(checkout(dev, shop, "/api/subscriptions/checkout-session", {"plan_id": "pro-monthly"}))
    for term in ("Subscribe to Pro", "$29.00", "per month", "until you cancel"):
        page.until_it_says(term)
    fill_in(page, "4242 4242 4242 4242")
    page.screenshot(RESULTS / "checkout-subscription.png")
    page.click("button.pay")
    page.until_at(f"{shop}/thanks")

    eventually("open", lambda: "open" if may_open(dev, "lab/k8s-lab") else "closed")
