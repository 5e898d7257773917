"""`billing sandbox`: the local Stripe's own controls, from a terminal."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter, Token

from billing_bootstrap.business_time import NOTICED_SECONDS_MAX, put_ahead
from billing_bootstrap.settings import DEV, OFFLINE, load_settings
from billing_cli.calls import Server
from billing_cli.failures import CommandFailed
from billing_cli.options import LOOKING, Looking
from billing_cli.printing import show_fields, show_json

__all__ = ["app"]

app = App(name="sandbox", help="The local Stripe: pay, move time, let payments fail, dispute, make chaos.")

_DEFAULT_URL = "http://127.0.0.1:12111"
_OK = 200
_LENGTH = re.compile(r"\d{1,6}(s|m|h|d|w|mo|y)")


def _length(_type: object, tokens: Sequence[Token]) -> str:
    (token,) = tokens
    if not _LENGTH.fullmatch(token.value):
        raise ValueError(
            f"{token.value!r} is no length of time: write a number and s, m, h, d, w, mo or y, such as 1mo."
        )
    return token.value


#: How far time moves.
Length = Annotated[str, Parameter(converter=_length)]


@app.command
def serve(*arguments: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> None:
    """The sandbox alone; its options are told by `billing sandbox serve -- --help`.

    For example:

        billing sandbox serve --port 12111 --data .sandbox

    Args:
        arguments: Handed on to `python -m billing_sandbox`.
    """
    if importlib.util.find_spec("billing_sandbox") is None:
        raise CommandFailed("The sandbox is not installed: pip install 'billing-core[sandbox]'.")
    os.execv(sys.executable, [sys.executable, "-m", "billing_sandbox", *arguments])  # noqa: S606 - our own module


@app.command
def pay(
    session_id: str, /, *, card: str = "4242424242424242", email: str | None = None, options: Looking = LOOKING
) -> None:
    """Complete a checkout session without its page.

    For example:

        billing sandbox pay cs_test_… --card 4242424242424242

    Args:
        session_id: The id of the session.
        card: The number of a test card.
        email: Who pays.
        options: How it is asked and shown.
    """
    told = {"card": card} | ({"email": email} if email else {})
    session = _ask(f"/_sandbox/sessions/{session_id}/pay", told)
    _tell(session, options, ("id", "mode", "status", "payment_status", "amount_total", "currency"))


@app.command
def advance(by: Length, /, *, options: Looking = LOOKING) -> None:
    """Let time pass: whatever falls due at this Stripe happens, and business time of `billing dev` moves with it.

    For example:

        billing sandbox advance 1mo
        billing sandbox advance 3d

    Args:
        by: A number and s, m, h, d, w, mo or y.
        options: How it is asked and shown.
    """
    clock = _ask("/_sandbox/advance", {"by": by})  # outside of any loop, so that Ctrl-C ends the waiting at once
    if os.environ.get("BILLING_ENV") == DEV:
        asyncio.run(_bring_along(timedelta(seconds=clock["offset"])))
    _tell(clock, options)


async def _bring_along(ahead: timedelta) -> None:
    await put_ahead(load_settings(os.environ, OFFLINE), ahead)
    await asyncio.sleep(NOTICED_SECONDS_MAX)  # so that whatever is asked next is asked in the new time


@app.command
def clock(*, options: Looking = LOOKING) -> None:
    """What time it is at this Stripe, and how far that is ahead.

    For example:

        billing sandbox clock
    """
    _tell(_ask("/_sandbox/clock"), options)


@app.command
def settle(*, options: Looking = LOOKING) -> None:
    """Wait until every event so far was delivered, or at least tried.

    For example:

        billing sandbox settle
    """
    _tell(_ask("/_sandbox/settle", {}), options)


@app.command
def fail_next_payment(
    *, customer: str | None = None, code: str = "generic_decline", times: int = 1, options: Looking = LOOKING
) -> None:
    """Refuse the next payments, such as a renewal.

    For example:

        billing sandbox fail-next-payment --code insufficient_funds --times 2

    Args:
        customer: Only those of this customer (cus_…).
        code: Why the bank declines.
        times: How many.
        options: How it is asked and shown.
    """
    told: dict[str, object] = {"code": code, "times": times}
    _tell(_ask("/_sandbox/fail-next-payment", told | ({"customer": customer} if customer else {})), options)


@app.command
def dispute(
    payment_intent: str,
    /,
    *,
    reason: str = "fraudulent",
    inquiry: Annotated[bool, Parameter(negative=())] = False,
    options: Looking = LOOKING,
) -> None:
    """Dispute a payment, as its payer's bank would.

    For example:

        billing sandbox dispute pi_…
        billing sandbox close-dispute du_… won

    Args:
        payment_intent: The payment (pi_…), as `billing payments list` gives it.
        reason: Why.
        inquiry: Only ask: no money moves.
        options: How it is asked and shown.
    """
    told = {"payment_intent": payment_intent, "reason": reason, "inquiry": inquiry}
    _tell(_ask("/_sandbox/disputes", told), options, ("id", "status", "reason", "amount", "currency", "payment_intent"))


@app.command
def close_dispute(dispute_id: str, outcome: Literal["won", "lost"], /, *, options: Looking = LOOKING) -> None:
    """Decide a dispute.

    For example:

        billing sandbox close-dispute du_… won
    """
    _tell(_ask(f"/_sandbox/disputes/{dispute_id}/close", {"outcome": outcome}), options, ("id", "status"))


@app.command
def chaos(switch: Literal["on", "off", "show"], /, *, seed: int = 1, options: Looking = LOOKING) -> None:
    """Lose, repeat, delay and reorder events, refuse and hide requests: the same seed makes the same chaos.

    For example:

        billing sandbox chaos on --seed 7
        billing sandbox chaos off

    Args:
        switch: on, off, or show what has happened so far.
        seed: Which chaos.
        options: How it is asked and shown.
    """
    if switch == "show":
        _tell(_ask("/_sandbox/chaos"), options)
    elif switch == "off":
        _tell(_ask("/_sandbox/chaos", method="DELETE"), options)
    else:
        _tell(_ask("/_sandbox/chaos", {"seed": seed, "rates": _CHAOS}), options)


#: Enough that something happens in every story, little enough that each goes on.
_CHAOS = {"duplicate": 0.2, "lose": 0.02, "reorder": 0.2, "delay": 0.1, "refuse": 0.02, "hide": 0.02, "stale": 0.05}


def _ask(path: str, body: object = None, *, method: str = "") -> dict[str, Any]:
    """One control call. Raises `CommandFailed`, in the sandbox's own words where it refuses."""
    if "_live_" in os.environ.get("STRIPE_SECRET_KEY", ""):
        raise CommandFailed("STRIPE_SECRET_KEY is a live key: the sandbox is for test keys. Unset it.")
    server = Server(os.environ.get("STRIPE_API_BASE") or _DEFAULT_URL, "The sandbox")
    answer = server.get(path) if body is None and not method else server.send(method or "POST", path, body)
    if answer.status != _OK:
        said = answer.json.get("error", {}).get("message") if answer.text.startswith("{") else None
        raise CommandFailed(said or f"The sandbox answered {answer.status} to {path}. Is STRIPE_API_BASE a sandbox?")
    found: dict[str, Any] = answer.json
    return found


def _tell(document: dict[str, Any], options: Looking, fields: tuple[str, ...] = ()) -> None:
    if options.json:
        show_json(document)
    else:
        show_fields(document, fields)
