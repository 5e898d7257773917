"""Logging: structlog, one JSON object a line, or lines for a person on a terminal."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec
import structlog

from billing_bootstrap.scrubbing import scrub, scrub_trouble

__all__ = ["configure_logging"]

_SHARED: tuple[Any, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)
_encode = msgspec.json.Encoder(enc_hook=repr).encode
_encode_anything = structlog.processors.JSONRenderer()

#: Stripe's SDK repeats each request with its parameters; that there was one, and how it ended, is told by metrics and
#: traces. psycopg takes a level of its own when it is imported.
_TALKATIVE = ("stripe", "psycopg")


def _json_line(logger: Any, name: str, line: structlog.typing.EventDict) -> str | bytes:  # noqa: ANN401 - as structlog
    """The same as `_SHARED` and a renderer, in one step: for most lines, one a request, nothing else is to be done."""
    line = structlog.stdlib.add_log_level(logger, name, structlog.contextvars.merge_contextvars(logger, name, line))
    line["timestamp"] = datetime.now(UTC)
    if "exc_info" in line:
        line = structlog.processors.format_exc_info(logger, name, line)
    line = scrub_trouble(logger, name, line)
    try:
        return _encode(line).decode()
    except (TypeError, ValueError):  # text that is no UTF-8, and keys that are no text
        return _encode_anything(logger, name, line)


def configure_logging(*, log_format: str, level: str, stream: TextIO | None = None) -> None:
    """Make every log line of this process, ours and that of libraries, go to ``stream`` (standard error) in one form.

    Args:
        log_format: ``json``, ``console``, or ``auto``: lines for a person where the stream is a terminal.
        level: the least that is written: ``debug``, ``info``, ``warning`` or ``error``.
        stream: where lines go.
    """
    out = stream or sys.stderr
    readable = log_format == "console" or (log_format == "auto" and out.isatty())
    last: list[Any] = (
        # Without the values of variables, which may be secrets.
        [structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if readable
        else [structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=(
            [*_SHARED, structlog.processors.format_exc_info, scrub_trouble, *last] if readable else [_json_line]
        ),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.processors.format_exc_info, scrub],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    least = logging.getLevelName(level.upper())
    root.setLevel(max(least, logging.INFO))
    for talkative in _TALKATIVE:
        logging.getLogger(talkative).setLevel(max(least, logging.WARNING))
