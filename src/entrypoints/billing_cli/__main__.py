"""The program's beginning: `billing`, and `python -m billing_cli`.

It imports the rest only once somebody sees to Ctrl-C: a program that is still being imported is interrupted, too.
"""

import signal
import sys

__all__ = ["begin"]

_INTERRUPTED = 130
_SAID = "Interrupted. What was done stays done, and a worker finishes what was begun at Stripe."


def begin() -> None:
    """Carry out the command line of this process, and end with its status; with 130 and one line on Ctrl-C."""
    try:
        from billing_cli.main import run  # noqa: PLC0415 - see above

        run()
    except ModuleNotFoundError as error:
        from billing_cli.failures import explain  # noqa: PLC0415 - what went well imports nothing more

        line = explain(error)
        if line is None:
            raise
        sys.stderr.write(f"billing: {line}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever presses it again has been heard
        if sys.stderr is not None:
            # On a terminal: over where it has written ^C, and how far the work was.
            cleared = "\r\033[K" if sys.stderr.isatty() else ""
            sys.stderr.write(f"{cleared}billing: {_SAID}\n")
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    begin()
