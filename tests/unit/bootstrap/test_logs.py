"""Logs: one JSON object a line, also what libraries log; for a person on a terminal; never a variable's value."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from billing_bootstrap.logs import configure_logging


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    """What other tests log is no concern of these."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def fail_with(secret: str) -> None:
    """An error in whose surroundings a secret is."""
    raise RuntimeError(len(secret))


def test_elsewhere_each_line_is_a_json_object() -> None:
    out = io.StringIO()
    configure_logging(log_format="auto", level="info", stream=out)
    structlog.contextvars.bind_contextvars(request_id="r1")

    structlog.get_logger().info("request", status=200)
    logging.getLogger("uvicorn.error").warning("from %s", "a library")
    structlog.contextvars.clear_contextvars()

    ours, theirs = (json.loads(line) for line in out.getvalue().splitlines())
    assert ours.pop("timestamp").endswith("Z")
    assert ours == {"event": "request", "level": "info", "status": 200, "request_id": "r1"}
    assert (theirs["event"], theirs["level"]) == ("from a library", "warning")


def test_on_a_terminal_a_person_reads_it() -> None:
    out = Terminal()
    configure_logging(log_format="auto", level="info", stream=out)

    structlog.get_logger().info("request", status=200)

    assert "request" in out.getvalue()
    assert not out.getvalue().startswith("{")


def test_json_may_be_asked_for_on_a_terminal_too() -> None:
    out = Terminal()
    configure_logging(log_format="json", level="info", stream=out)

    structlog.get_logger().info("request")

    assert json.loads(out.getvalue())["event"] == "request"


def test_what_is_below_the_level_is_not_written() -> None:
    out = io.StringIO()
    configure_logging(log_format="json", level="warning", stream=out)

    structlog.get_logger().info("request")
    logging.getLogger("library").info("chatter")

    assert out.getvalue() == ""


@pytest.mark.parametrize("library", ["stripe", "psycopg.pool"])
def test_a_library_that_has_a_level_of_its_own_says_no_more_than_is_asked_for(library: str) -> None:
    logging.getLogger(library.partition(".")[0]).setLevel(logging.WARNING)  # as psycopg does when it is imported
    out = io.StringIO()
    configure_logging(log_format="json", level="error", stream=out)

    logging.getLogger(library).warning("a connection was closed")
    logging.getLogger(library).error("no connection")

    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["no connection"]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_no_values(log_format: str) -> None:
    out = io.StringIO()
    configure_logging(log_format=log_format, level="info", stream=out)

    try:
        fail_with("2retnuh"[::-1])
    except RuntimeError as error:
        structlog.get_logger().error("unforeseen", exc_info=error)

    assert "RuntimeError" in out.getvalue()
    assert "fail_with" in out.getvalue()
    assert "hunter2" not in out.getvalue()
