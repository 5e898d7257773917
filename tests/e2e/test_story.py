"""The whole story, as `billing demo` plays it against a `billing dev`, through HTTP, commands and the checkout form."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from billing_cli.main import main
from tests.e2e.operators import Ended
from tests.e2e.running_dev import RunningDev, clean_environment


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[int], Ended]:
    """`billing demo` in this process; each command in it is a process of its own."""
    for name in os.environ.keys() - clean_environment().keys():
        monkeypatch.delenv(name)

    def play(port: int) -> Ended:
        capsys.readouterr()
        status = main(("demo", "--port", str(port), "--json"))
        out, err = capsys.readouterr()
        return Ended(status, out, err)

    return play


def test_from_checkout_to_access_and_to_its_end(dev: RunningDev, played: Callable[[int], Ended]) -> None:
    """Subscribe, upgrade, buy with a second card, be refunded, renew, cancel, end: each step is checked."""
    story = played(dev.port).json

    assert len(story["steps"]) == 13
    status = dev.api(dev.settings["ADMIN_TOKEN"]).get(f"/api/subscriptions/status/{story['user_id']}").json
    assert (status["has_access"], status["subscription"]["status"]) == (False, "canceled")


def test_without_a_billing_dev_on_the_port_it_says_what_to_do(played: Callable[[int], Ended]) -> None:
    ended = played(1)

    assert (ended.status, ended.out) == (1, "")
    assert ended.err == (
        "billing: No `billing dev` of yours listens on port 1: start it, or name another port with --port.\n"
    )
