"""The ``billing`` program."""

from __future__ import annotations

import os
import sys

from cyclopts import App

__all__ = ["app", "run"]

app = App(name="billing", help="Subscriptions, purchases, refunds and access: for operators and scripts.")


@app.command
def migrate() -> int:
    """Bring the database to this version; safe to run from many machines at once.

    The database is the one that DATABASE_DIRECT_URL or DATABASE_URL names, else libpq's own variables.
    """
    from billing_bootstrap import migrating  # noqa: PLC0415 - keeps --help fast

    try:
        applied = migrating.migrate(os.environ)
    except migrating.MigrationsFailed as error:
        print(f"billing migrate: {error}", file=sys.stderr)  # noqa: T201 - this is what the program shows
        return 1
    print("\n".join(applied) or "The database is up to date.")  # noqa: T201 - this is what the program shows
    return 0


def run() -> None:
    """The entry point: exits with 0 (done), 1 (refused or failed) or 2 (wrong usage)."""
    sys.exit(app())
