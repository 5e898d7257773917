"""Asking first: on a terminal alone, and only a yes goes on."""

import os
import pty
import subprocess
import sys

import pytest

ASK = (
    "from billing_cli.asking import ask_first\nfrom billing_cli.failures import CommandFailed\n"
    "try:\n    ask_first('Refund 49.00 USD?', yes={yes})\n"
    "except CommandFailed as refused:\n    print('refused:', refused)\n"
    "else:\n    print('went on')"
)


def asked_on_a_terminal(typed: str, *, yes: bool = False) -> tuple[str, str]:
    """What the person sees, and what then happened."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, typed.encode())
        with subprocess.Popen(
            [sys.executable, "-c", ASK.format(yes=yes)], stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, text=True
        ) as process:
            said, _ = process.communicate(timeout=30)
        os.set_blocking(ours, False)
        try:
            seen = os.read(ours, 1000).decode()
        except BlockingIOError:
            seen = ""
    finally:
        os.close(ours)
        os.close(theirs)
    return seen, said.strip()


@pytest.mark.parametrize("typed", ["y\n", "yes\n", "Y\n"])
def test_a_yes_goes_on(typed: str) -> None:
    seen, said = asked_on_a_terminal(typed)

    assert "Refund 49.00 USD? [y/N]" in seen
    assert said == "went on"


@pytest.mark.parametrize("typed", ["\n", "n\n", "no\n", "yep\n"])
def test_anything_else_changes_nothing(typed: str) -> None:
    _, said = asked_on_a_terminal(typed)

    assert said == "refused: Nothing was changed. Answer y, or give --yes, to go on."


def test_whoever_said_yes_already_is_not_asked() -> None:
    seen, said = asked_on_a_terminal("n\n", yes=True)

    assert "Refund" not in seen
    assert said == "went on"


def test_a_program_is_not_asked() -> None:
    """Its input is no terminal, and nobody sits there."""
    outcome = subprocess.run(
        [sys.executable, "-c", ASK.format(yes=False)], input="n\n", capture_output=True, text=True, check=True
    )

    assert (outcome.stdout.strip(), outcome.stderr) == ("went on", "")
