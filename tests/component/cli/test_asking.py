"""Asking first: on a terminal alone, and only a yes goes on."""

import io
import os
import pty
import sys
from collections.abc import Callable, Iterator

import pytest

from billing_cli.asking import ask_first
from billing_cli.failures import CommandFailed

_END = b"<end>"
Asked = Callable[..., tuple[str, str]]


def outcome(*, yes: bool) -> str:
    """What becomes of the question."""
    try:
        ask_first("Refund 49.00 USD?", yes=yes)
    except CommandFailed as refused:
        return f"refused: {refused}"
    return "went on"


@pytest.fixture
def asked_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """What the person sees, and what then happened."""
    ours, theirs = pty.openpty()

    def asked(typed: str, *, yes: bool = False) -> tuple[str, str]:
        os.write(ours, typed.encode())
        with open(theirs, closefd=False) as reads, open(theirs, "w", closefd=False) as tells:
            monkeypatch.setattr(sys, "stdin", reads)
            monkeypatch.setattr(sys, "stderr", tells)
            said = outcome(yes=yes)
            monkeypatch.undo()
        os.write(theirs, _END)  # what was written comes out at the other end when the system gets to it
        seen = b""
        while _END not in seen:  # the echo of what was typed may come later still
            seen += os.read(ours, 1000)
        return seen.decode(), said

    yield asked
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("typed", ["y\n", "yes\n", "Y\n"])
def test_a_yes_goes_on(asked_on_a_terminal: Asked, typed: str) -> None:
    seen, said = asked_on_a_terminal(typed)

    assert "Refund 49.00 USD? [y/N]" in seen
    assert said == "went on"


@pytest.mark.parametrize("typed", ["\n", "n\n", "no\n", "yep\n"])
def test_anything_else_changes_nothing(asked_on_a_terminal: Asked, typed: str) -> None:
    _, said = asked_on_a_terminal(typed)

    assert said == "refused: Nothing was changed. Answer y, or give --yes, to go on."


def test_whoever_said_yes_already_is_not_asked(asked_on_a_terminal: Asked) -> None:
    seen, said = asked_on_a_terminal("n\n", yes=True)

    assert "Refund" not in seen
    assert said == "went on"


def test_a_program_is_not_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Its input is no terminal, and nobody sits there."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))

    assert outcome(yes=False) == "went on"
    assert capsys.readouterr() == ("", "")
