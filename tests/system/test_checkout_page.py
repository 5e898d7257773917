"""The checkout page, as a real browser shows it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

_KEY = "sk_test_checkoutpage"
_RESULTS = Path(__file__).parents[2] / "test-results"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[str]:
    """A Stripe of our own on loopback; its address."""
    port = _free_port()
    command = [sys.executable, "-m", "billing_sandbox", "--port", str(port), "--api-key", _KEY, "--data", str(tmp_path)]
    with subprocess.Popen(command) as process:
        address = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{address}/_sandbox/health").close()  # noqa: S310 - loopback
                break
            except OSError:
                time.sleep(0.05)
        yield address
        process.terminate()
        process.wait(timeout=10)


def test_a_browser_shows_what_is_bought_and_where_to_pay(sandbox: str, tmp_path: Path) -> None:
    """The page names the thing and its price and has a button; a screenshot is kept."""
    client = stripe.StripeClient(_KEY, base_addresses={"api": sandbox})
    session = client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": "usd",
                        "unit_amount": 4900,
                        "product_data": {"name": "Kubernetes for teams"},
                    },
                }
            ],
            "success_url": "http://localhost/thanks",
        }
    )
    assert session.url is not None
    chromium = shutil.which("chromium")
    assert chromium is not None, "Chromium is missing: `make test-system` installs it."
    _RESULTS.mkdir(exist_ok=True)
    picture = _RESULTS / "checkout.png"
    flags = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1200,1000",
    ]  # fmt: skip
    environment = {**os.environ, "HOME": str(tmp_path)}
    page = subprocess.run(
        [chromium, *flags, "--dump-dom", session.url],
        capture_output=True, text=True, check=True, timeout=120, env=environment,
    ).stdout  # fmt: skip
    subprocess.run(
        [chromium, *flags, f"--screenshot={picture}", session.url],
        capture_output=True, check=True, timeout=120, env=environment,
    )  # fmt: skip
    assert "Kubernetes for teams" in page
    assert "49.00" in page
    assert "<button" in page
    assert picture.stat().st_size > 10_000
