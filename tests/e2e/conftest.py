"""One `billing dev` for all tests that use it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from billing_cli.main import main
from tests.e2e.operators import Billing, Ended, Shopper
from tests.e2e.running_dev import RunningDev, assert_nothing_is_left, started_dev
from tests.folders import folder_for_servers


@pytest.fixture(scope="package")
def dev_folder() -> Iterator[Path]:
    """Where `billing dev` may keep data: below parents that PostgreSQL's user may enter, unlike pytest's own folder."""
    with folder_for_servers("billing-e2e-") as folder:
        yield folder


@pytest.fixture(scope="package")
def dev(dev_folder: Path) -> Iterator[RunningDev]:
    """A `billing dev` that is ready, for all tests of this folder. At the end, Ctrl-C leaves nothing of it."""
    with started_dev(dev_folder / "shared") as running:
        running.until_it_says("Ready.")
        yield running
        running.process.send_signal(signal.SIGINT)
        assert running.ended() == 0, running.output()
        assert_nothing_is_left(running)


@pytest.fixture
def billing(dev: RunningDev, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Billing:
    """Carries out `billing` with these arguments, in the environment that dev.env gives."""
    for name, value in dev.settings.items():
        monkeypatch.setenv(name, value)

    def carry_out(*arguments: str) -> Ended:
        capsys.readouterr()
        status = main(arguments)
        printed = capsys.readouterr()
        return Ended(status, printed.out, printed.err)

    return carry_out


@pytest.fixture
def user() -> str:
    return f"user-{uuid4().hex[:8]}"


@pytest.fixture
def shopper(dev: RunningDev, billing: Billing, user: str) -> Shopper:
    token = billing("token", user).out.strip()
    return Shopper(user, dev.api(token), dev.settings["BILLING_URL"], billing)
