"""Asking first, on a terminal, before something is changed or spent."""

from __future__ import annotations

import sys

from billing_cli.failures import CommandFailed

__all__ = ["ask_first"]


def ask_first(question: str, *, yes: bool) -> None:
    """Go on only where a person says yes. With ``yes``, or where no person sits at a terminal, nothing is asked.

    Raises `CommandFailed` where they say anything else.
    """
    if yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CommandFailed("Nothing was changed. Answer y, or give --yes, to go on.")
