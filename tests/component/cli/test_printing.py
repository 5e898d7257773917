"""Printing: JSON for programs, plain lines for a pipe, a table for a person."""

import pty
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest

from billing_cli.printing import show_fields, show_json, show_rows

ROWS = [
    {"id": "one", "price": {"amount": 4900, "currency": "usd"}, "source": {"kind": "purchase"}, "open": True},
    {"id": "two", "price": {"amount": 500, "currency": "jpy"}, "source": None, "open": False},
]


class Thing(msgspec.Struct):
    id: str
    at: datetime
    tags: tuple[str, ...]


def test_rows_in_a_pipe_are_lines_with_tabs_between(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(ROWS, ("id", "price", "source.kind", "open"), none="nothing")

    assert capsys.readouterr().out == (
        "id\tprice\tsource.kind\topen\none\t49.00 USD\tpurchase\tyes\ntwo\t500 JPY\t-\tno\n"
    )


def test_no_rows_in_a_pipe_are_the_heading_alone(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([], ("id",), none="nothing")

    assert capsys.readouterr().out == "id\n"


def test_one_thing_in_a_pipe_is_a_field_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_fields(Thing("one", datetime(2026, 11, 22, 20, 59, tzinfo=UTC), ("a", "b")))

    assert capsys.readouterr().out == "id\tone\nat\t2026-11-22T20:59:00Z\ntags\ta, b\n"


def test_what_others_wrote_breaks_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor does it paint a terminal, or move its cursor."""
    show_rows([{"id": "one", "reason": "so\n\tthat \x1b[2Jis\x9b1m why"}], ("id", "reason"), none="nothing")

    assert capsys.readouterr().out == "id\treason\none\tso that [2Jis 1m why\n"


def test_json_is_one_document_with_times_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    thing = Thing("one", datetime(2026, 11, 22, 20, 59, tzinfo=UTC), ())
    show_json({"things": [thing]})

    assert msgspec.json.decode(capsys.readouterr().out) == {
        "things": [{"id": "one", "at": "2026-11-22T20:59:00Z", "tags": []}]
    }


@pytest.mark.parametrize(
    ("show", "seen"),
    [
        (lambda: show_rows([{"id": "one"}], ("id", "a.b"), none="nothing"), "id   a b"),
        (lambda: show_rows([], ("id",), none="They have bought nothing."), "They have bought nothing."),
        (lambda: show_fields({"user_id": "ann"}), "user id  ann"),
        (lambda: show_fields({"reason": "not [bold]that[/i]"}), "reason  not [bold]that[/i]"),
        (lambda: show_rows([{"id": "[red]one[/]"}], ("id",), none="nothing"), "[red]one[/]"),
    ],
)
def test_a_person_at_a_terminal_sees_a_table(
    monkeypatch: pytest.MonkeyPatch, show: Callable[[], None], seen: str
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "80")
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as terminal, open(theirs, "w") as inside:  # noqa: PTH123 - descriptors
        monkeypatch.setattr(sys, "stdout", inside)
        show()
        monkeypatch.undo()
        inside.write("\0")  # the end: a terminal hands on what is written when it comes to it
        inside.flush()
        shown = ""
        while not shown.endswith("\0"):
            shown += terminal.read(2000).decode()
    assert seen in shown
