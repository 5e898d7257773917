"""Deferred adapters: what a process may never use is not made, nor even imported, before it is."""

import subprocess
import sys

from billing_bootstrap.deferred import deferred


class Adapter:
    """Something behind a port."""

    def __init__(self, made: list[str]) -> None:
        made.append("once")

    def answer(self) -> int:
        """What it is asked for."""
        return 42


def test_an_adapter_is_made_once_when_it_is_first_asked_for_something() -> None:
    """Not before, and not again."""
    made: list[str] = []

    port = deferred(lambda: Adapter(made))

    assert made == []
    assert [port.answer(), port.answer()] == [42, 42]
    assert made == ["once"]


def test_wiring_an_application_brings_neither_the_sdk_of_stripe_nor_the_driver_of_redis() -> None:
    """The import of each is a sixth of a start, and nothing but a call to Stripe or Redis needs it."""
    watch = "import billing_bootstrap.container, billing_bootstrap.migrating, sys; print(*sys.modules)"

    outcome = subprocess.run([sys.executable, "-c", watch], capture_output=True, text=True, check=True)

    loaded = set(outcome.stdout.split())
    assert "billing_stripe.webhooks" in loaded
    assert loaded.isdisjoint({"stripe", "aiohttp", "redis", "structlog"})
