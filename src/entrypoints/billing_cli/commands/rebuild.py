"""`billing rebuild`."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from billing_cli.asking import ask_first
from billing_cli.desk import opened
from billing_cli.options import CHANGING, Changing, UserId
from billing_cli.printing import show_json, show_rows
from billing_cli.progress import counted
from billing_core.domain.changes import Changes

__all__ = ["rebuild"]


async def rebuild(
    *,
    user: UserId | None = None,
    check: Annotated[bool, Parameter(negative=())] = False,
    options: Changing = CHANGING,
) -> int:
    """Fold state again from facts and mend what differs. It ends with 1 where --check finds a difference.

    For example:

        billing rebuild --check
        billing rebuild --user learner-1 --yes

    Args:
        user: One user; everybody unless given.
        check: Only compare.
        options: How it is asked and shown.
    """
    differing: dict[str, Changes] = {}
    async with opened() as application:
        if not check:
            ask_first(f"Fold the state of {user or 'everybody'} again, and mend what differs?", yes=options.yes)
        users = [user] if user is not None else await application.rebuild.users()
        for user_id in counted(users, "users"):
            changes = await application.rebuild(user_id, actor=options.caller.user_id, check=check)
            if changes:
                differing[user_id] = changes
    if options.json:
        show_json({"users": len(users), "differences": differing})
    else:
        _tell(len(users), differing, check=check)
    return 1 if check and differing else 0


def _tell(users: int, differing: dict[str, Changes], *, check: bool) -> None:
    rows = [
        {"user_id": user_id, "row": row, "field": name, "stored": was, "folded": now}
        for user_id, changes in differing.items()
        for row, fields in changes.items()
        for name, (was, now) in fields.items()
    ]
    if rows:
        show_rows(rows, ("user_id", "row", "field", "stored", "folded"), none="")
    verdict = "differ" if check else "were mended"
    sys.stdout.write(f"{users} users were folded again, {len(differing)} {verdict}.\n")
