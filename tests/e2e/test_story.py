"""The whole story, as `billing demo` plays it against a `billing dev`, through HTTP, commands and the checkout form."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.e2e.running_dev import RunningDev, clean_environment


def played(port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "billing_cli", "demo", "--port", str(port), "--json"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_from_checkout_to_access_and_to_its_end(dev: RunningDev) -> None:
    """Subscribe, upgrade, buy with a second card, be refunded, renew, cancel, end: each step is checked."""
    ended = played(dev.port)

    assert ended.returncode == 0, ended.stderr
    story = json.loads(ended.stdout)
    assert len(story["steps"]) == 13
    status = dev.api(dev.settings["ADMIN_TOKEN"]).get(f"/api/subscriptions/status/{story['user_id']}").json
    assert (status["has_access"], status["subscription"]["status"]) == (False, "canceled")


def test_without_a_billing_dev_on_the_port_it_says_what_to_do() -> None:
    ended = played(1)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "billing: No `billing dev` of yours listens on port 1: start it, or name another port with --port.\n"
    )
