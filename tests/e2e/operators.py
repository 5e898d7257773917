"""What the tests of the commands share: a command line that was carried out, and a user who buys."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from attrs import frozen

from billing_cli.calls import Server

__all__ = ["Billing", "Ended", "Shopper"]


@frozen
class Ended:
    """A command line that was carried out."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever JSON may hold
        assert (self.status, self.err) == (0, ""), self
        return json.loads(self.out)

    @property
    def rows(self) -> list[list[str]]:
        """What a pipe gets: a line each, tabs between."""
        assert (self.status, self.err) == (0, ""), self
        return [line.split("\t") for line in self.out.splitlines()]


Billing = Callable[..., Ended]


@frozen
class Shopper:
    """A user who buys through the API, and pays without a page."""

    user_id: str
    api: Server
    origin: str
    billing: Billing

    def _paid(self, path: str, wanted: dict[str, str]) -> Any:  # noqa: ANN401 - whatever JSON may hold
        urls = {"success_url": f"{self.origin}/thanks", "cancel_url": f"{self.origin}/plans"}
        answer = self.api.send("POST", path, wanted | urls)
        assert answer.status == 201, answer.text
        assert self.billing("sandbox", "pay", answer.json["session_id"], "--json").json["status"] == "complete"
        return answer.json

    def subscribes(self, plan_id: str) -> str:
        """The id of the subscription."""
        self._paid("/api/subscriptions/checkout-session", {"plan_id": plan_id})
        status = self.api.get(f"/api/subscriptions/status/{self.user_id}").json
        return str(status["subscription"]["id"])

    def buys(self, resource_type: str, resource_id: str) -> str:
        """The id of the purchase."""
        wanted = {"resource_type": resource_type, "resource_id": resource_id}
        return str(self._paid("/api/purchases/create", wanted)["purchase_id"])
