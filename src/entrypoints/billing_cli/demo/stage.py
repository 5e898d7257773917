"""The stage: what the story is played with, and what becomes of a step that is not as it should be."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from attrs import define, field, frozen

from billing_cli.calls import Answer, Server
from billing_cli.failures import CommandFailed

__all__ = ["CARD", "DECLINED_CARD", "Stage", "StoryBroken", "Teller"]

CARD = "4242 4242 4242 4242"
DECLINED_CARD = "4000 0000 0000 0002"

_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.1
_SEE_OTHER = 303

T = TypeVar("T")


class StoryBroken(CommandFailed):
    """A step was not as it should be."""


@define
class Teller:
    """Says each step, and knows which one it is at."""

    write: Callable[[str], object]
    steps: list[str] = field(factory=list)

    def says(self, step: str) -> None:
        """The next step begins."""
        self.steps.append(step)
        self.write(f"{len(self.steps):>2}. {step}\n")

    def expect(self, wanted: T, found: T, what: str) -> None:
        """Raises `StoryBroken` where what was found is not what was wanted."""
        if found != wanted:
            raise StoryBroken(
                f"step {len(self.steps)} ({self.steps[-1]}): {what} should be {wanted!r}, but is {found!r}."
            )


@frozen(kw_only=True)
class Stage:
    """One user of a running `billing dev`, with everything that they and support staff can do."""

    environment: Mapping[str, str]
    user_id: str
    teller: Teller

    def api(self, token: str | None = None) -> Server:
        """The HTTP API, with this token where one is given."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return Server(self.environment["BILLING_URL"], "The API", headers)

    def cli(self, *arguments: str) -> Any:  # noqa: ANN401 - whatever JSON may hold
        """What `billing …` prints; its JSON where it prints JSON. Raises `StoryBroken` where it fails."""
        ended = subprocess.run(
            [sys.executable, "-m", "billing_cli", *arguments],
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.teller.expect((0, ""), (ended.returncode, ended.stderr), f"the end of `billing {' '.join(arguments)}`")
        return json.loads(ended.stdout) if "--json" in arguments else ended.stdout.strip()

    def page(self, url: str) -> Answer:
        """The checkout page at ``url``."""
        return _origin_of(url).get(urlsplit(url).path)

    def pay(self, url: str, card: str) -> Answer:
        """The checkout form at ``url``, filled in with ``card`` and sent as a browser would."""
        fields = {
            "email": f"{self.user_id}@example.com",
            "method": "card",
            "card_number": card,
            "card_expiry": "12 / 34",
            "card_cvc": "123",
            "name": "Ann Learner",
            "action": "pay",
        }
        return _origin_of(url).fill_in(urlsplit(url).path, fields)

    def paid(self, url: str, card: str, success_url: str) -> None:
        """Pay, and be sent back to ``success_url``."""
        answer = self.pay(url, card)
        self.teller.expect((_SEE_OTHER, success_url), (answer.status, answer.headers.get("location")), "after paying")

    def eventually(self, wanted: T, look: Callable[[], T], what: str) -> None:
        """Look until it is as wanted; what a webhook brings takes a moment."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (found := look()) != wanted and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        self.teller.expect(wanted, found, what)


def _origin_of(url: str) -> Server:
    parts = urlsplit(url)
    return Server(f"{parts.scheme}://{parts.netloc}", "The checkout page")
