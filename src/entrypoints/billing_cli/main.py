"""The ``billing`` program: its commands, and how it ends.

Exit status: 0 done, 1 refused or failed, 2 wrong usage; the reason is one line on standard error. A command's
module is imported when it is called, so that ``--help`` answers at once.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

from attrs import frozen
from cyclopts import App, CycloptsError, Group, UnknownCommandError

from billing_bootstrap.starting import collect_rarely

__all__ = ["COMMANDS", "main", "make_app", "run"]

_RUN = Group("Run", sort_key=1)
_OPERATE = Group("Look and act", sort_key=2)
_KEEP = Group("Keep in order", sort_key=3)
_ABOUT = Group("About", sort_key=4)

#: As a shell says it of a program that SIGPIPE ended.
_READER_GONE = 141


@frozen
class Entry:
    """A command: where it is, what it is for, and among which it is listed."""

    where: str
    what: str
    group: Group


COMMANDS: dict[str, Entry] = {
    "dev": Entry("billing_cli.commands.dev:dev", "Everything at once on this machine, with no set-up.", _RUN),
    "demo": Entry("billing_cli.commands.demo:demo", "Play the whole story against a running `billing dev`.", _RUN),
    "serve": Entry("billing_cli.commands.serve:serve", "The HTTP API.", _RUN),
    "worker": Entry("billing_cli.commands.worker:worker", "The loops: retries, unfinished calls, events.", _RUN),
    "sandbox": Entry("billing_cli.commands.sandbox:app", "The local Stripe: pay, move time, break things.", _RUN),
    "token": Entry("billing_cli.commands.token:token", "A signed JWT for development.", _RUN),
    "access": Entry("billing_cli.commands.access:app", "Who may open what, and why; grant and revoke.", _OPERATE),
    "customers": Entry(
        "billing_cli.commands.customers:app", "Tie to Stripe's; export and erase what is held.", _OPERATE
    ),
    "invoices": Entry("billing_cli.commands.invoices:app", "What was billed.", _OPERATE),
    "payments": Entry("billing_cli.commands.payments:app", "What was paid, and for what.", _OPERATE),
    "purchases": Entry("billing_cli.commands.purchases:app", "List, show and refund purchases.", _OPERATE),
    "subscriptions": Entry("billing_cli.commands.subscriptions:app", "Show, change, pause, cancel, resume.", _OPERATE),
    "catalog": Entry("billing_cli.commands.catalog:app", "Plans and priced items from a TOML file.", _KEEP),
    "doctor": Entry("billing_cli.commands.doctor:doctor", "Check everything; what to do about faults.", _KEEP),
    "events": Entry("billing_cli.commands.events:app", "Received events: state, errors, another try.", _KEEP),
    "migrate": Entry("billing_cli.commands.migrate:migrate", "Bring the database to this version.", _KEEP),
    "policy": Entry(
        "billing_cli.commands.policy:app", "Try other policies on the stored history; check rules of our own.", _OPERATE
    ),
    "rebuild": Entry("billing_cli.commands.rebuild:rebuild", "Fold state again from facts, or compare.", _KEEP),
    "reconcile": Entry("billing_cli.commands.reconcile:reconcile", "Compare with Stripe, and mend.", _KEEP),
    "report": Entry(
        "billing_cli.commands.report:report", "MRR, churn, cohorts, refunds: tables, CSV, a page.", _OPERATE
    ),
    "stripe": Entry("billing_cli.commands.stripe:app", "Set up at Stripe.", _KEEP),
}


def make_app(called: str | None = None) -> App:
    """The program with all commands, none of them imported yet.

    The one that is ``called`` tells of itself, with examples; the others are listed by a line.
    """
    app = App(
        name="billing",
        help="Subscriptions, purchases, refunds and access: for operators and scripts.",
        # Read by a program, it is told as it was written: without what renders Markdown it comes in half the time.
        help_format="markdown" if sys.stdout.isatty() else "plaintext",
        help_formatter="default" if sys.stdout.isatty() else "plain",
        version=_version,
        suppress_keyboard_interrupt=False,  # it is told in a line, where the program begins
    )
    for name in ("--help", "--version"):
        app[name].group = (_ABOUT,)
    app.command(
        "billing_cli.commands.completion:install",
        name="--install-completion",
        help="Complete commands and options with the Tab key, from the next shell on.",
        group=_ABOUT,
    )
    for name, entry in COMMANDS.items():
        app.command(entry.where, name=name, help=None if name == called else entry.what, group=entry.group)
    return app


def main(arguments: Sequence[str]) -> int:
    """Carry out one command line; its exit status."""
    try:
        ended = make_app(next(iter(arguments), None))(
            arguments, exit_on_error=False, print_error=False, result_action="return_value"
        )
    except CycloptsError as error:
        return _complain(_usage(error), status=2)
    except Exception as error:
        from billing_cli.failures import explain, status_of  # noqa: PLC0415 - what went well imports nothing more

        line = explain(error)
        if line is None:
            raise
        return _complain(line, status_of(error))
    return ended if isinstance(ended, int) else 0


def run() -> None:
    """The entry point."""
    collect_rarely()
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:  # closed by whoever started us: what is said goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            setattr(sys, name, os.fdopen(number, "w"))
    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads the other end of a pipe has seen enough, as `head` does: what is left goes nowhere.
        _say_no_more()
        status = _READER_GONE
    except SystemExit as ended:
        if not isinstance(ended.__context__, BrokenPipeError):
            raise
        status = _READER_GONE  # rich, which prints the help, has said no more already, and ends with 1 of its own
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _say_no_more()
        status = _complain("The output could not be written whole, as no space is left where it goes. Make some there.")
    sys.exit(status)


def _say_no_more() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(error: CycloptsError) -> str:
    """What is wrong with the command line, and where to read how it is meant."""
    chain = " ".join(("billing", *(error.command_chain or ())))
    if isinstance(error, UnknownCommandError) and error.unused_tokens and error.app:
        import difflib  # noqa: PLC0415 - what is right imports nothing more

        # cyclopts' own message imports every command to find what else there is.
        given, known = error.unused_tokens[0], [name for name in error.app if not name.startswith("-")]
        near = difflib.get_close_matches(given, known, n=1)
        meant = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(sorted(known))}."
        return f"there is no command {given!r}; {meant} See `{chain} --help`."
    return f"{' '.join(str(error).split())} See `{chain} --help`."


def _complain(line: str, status: int = 1) -> int:
    sys.stderr.write(f"billing: {line}\n")
    return status


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - one call in a thousand asks

    return version("billing-core")
