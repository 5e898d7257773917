"""`billing demo`."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from billing_cli.demo.stage import Stage, Teller
from billing_cli.demo.story import Story
from billing_cli.dev.choices import refuse_live_keys
from billing_cli.dev.whereabouts import env_file_of
from billing_cli.failures import CommandFailed
from billing_cli.printing import show_json

__all__ = ["demo"]


def demo(
    *,
    port: Annotated[int, Parameter(validator=Number(gte=1, lte=65535))] = 8000,
    data: Path = Path(".dev"),
    json: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Play the whole story against a running `billing dev`, saying each step; ends with 1 if anything is not right.

    A learner subscribes on the checkout page's terms, gets access, upgrades, buys a course, is refunded, cancels;
    months pass. Each time a new learner plays it. Time moves on for everybody in this `billing dev`.

    For example:

        billing demo
        billing demo --port 8100

    Args:
        port: Where the API of `billing dev` listens.
        data: The folder of that `billing dev`; found by its port unless given.
        json: One JSON document on standard output.
    """
    environment = {**os.environ, **_settings(port, data)}
    refuse_live_keys(environment)
    teller = Teller((lambda _: 0) if json else _say)
    stage = Stage(environment=environment, user_id=f"learner-{secrets.token_hex(4)}", teller=teller)
    Story(stage).play()
    if json:
        show_json({"user_id": stage.user_id, "steps": teller.steps})
    else:
        sys.stdout.write("Everything was as it should be.\n")


def _settings(port: int, data: Path) -> dict[str, str]:
    """What the `billing dev` on this port chose. Raises `CommandFailed` where there is none."""
    url = f"http://127.0.0.1:{port}"
    for candidate in (env_file_of(port), data / "dev.env"):
        if candidate is not None and candidate.is_file():
            found = _read(candidate)
            if found.get("BILLING_URL") == url:
                return found
    if os.environ.get("BILLING_URL") == url:
        return {}
    raise CommandFailed(
        f"No `billing dev` of yours listens on port {port}: start it, or name another port with --port."
    )


def _read(path: Path) -> dict[str, str]:
    lines = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {name: "".join(shlex.split(value)) for name, _, value in lines}


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
