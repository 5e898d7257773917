"""`billing migrate`."""

from __future__ import annotations

import os
import sys
from typing import Annotated

from cyclopts import Parameter

from billing_bootstrap.migrating import migrate as bring_up
from billing_bootstrap.migrating import migration_states
from billing_cli.asking import ask_first
from billing_cli.printing import show_json, show_rows

__all__ = ["migrate"]


def migrate(
    *,
    status: Annotated[bool, Parameter(negative=())] = False,
    json: Annotated[bool, Parameter(negative=())] = False,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), negative=())] = False,
) -> None:
    """Bring the database to this version; safe to run from many machines at once.

    A database that a newer release has migrated stays as it is.

    The database is the one that DATABASE_DIRECT_URL or DATABASE_URL names, else libpq's own variables.

    For example:

        billing migrate
        billing migrate --status
        billing migrate --yes

    Args:
        status: Only show which migrations the database has and lacks.
        json: One JSON document on standard output.
        yes: Do not ask first.
    """
    if status:
        shown = [
            {"name": one.name, "applied_at": one.applied_at, "known": one.known} for one in migration_states(os.environ)
        ]
        if json:
            show_json({"migrations": shown})
        else:
            show_rows(shown, ("name", "applied_at", "known"), none="This version has no migrations.")
        return
    states = migration_states(os.environ)
    lacking = [one.name for one in states if one.applied_at is None]
    newer = [one.name for one in states if not one.known]
    if lacking:
        ask_first(f"Apply {', '.join(lacking)}?", yes=yes)
    applied = bring_up(os.environ)
    if json:
        show_json({"applied": applied})
    else:
        sys.stdout.write("\n".join(applied or ["The database is up to date."]) + "\n")
    if newer:
        sys.stderr.write(
            f"billing: A newer release has applied {', '.join(newer)}, which stays. The release before it runs on that,"
            " an older one does not.\n"
        )
