"""`billing policy`."""

from __future__ import annotations

import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

from cyclopts import App

from billing_cli.catalog_policies import policy_of
from billing_cli.desk import opened
from billing_cli.failures import CommandFailed
from billing_cli.options import LOOKING, Looking
from billing_cli.policy_check import check
from billing_cli.printing import show_json, show_rows
from billing_cli.progress import counted
from billing_core.domain.change_rules import OwnAmounts
from billing_core.domain.money import Money
from billing_core.domain.policies import Policies
from billing_core.domain.policy_lab import Difference, Trial

__all__ = ["app", "trial_of"]

app = App(name="policy", help="Policies: what others would have changed.")

app.command(check)

_TABLES = ("access", "refund", "dunning", "proration", "trial")


@app.command(name="try")
async def try_(file: Path, /, *, user: str | None = None, options: Looking = LOOKING) -> None:
    """Replay the stored history under other policies: who would gain or lose access and when, and what it would cost.

    The file is TOML with any of the tables [access], [refund], [dunning], [proration] and [trial]; what a table leaves
    out is as the domain's defaults have it, and a table that is left out stays as it was agreed. [proration] charges
    every change within a period by amounts of our own (unit, credit, charge, rounding). Nothing is changed.

    For example:

        billing policy try other.toml --user learner-1

    with such a file:

        [access]
        grace_days = 3
        [refund]
        window_days = 14
        [proration]
        unit = "day"
        [trial]
        days = 7

    Args:
        file: The policies to try.
        user: One user; everybody unless given.
        options: How it is asked and shown.
    """
    trial = trial_of(_read(file))
    found: dict[str, Difference] = {}
    async with opened() as application:
        users = [user] if user is not None else await application.rebuild.users()
        for user_id in counted(users, "users"):
            difference = await application.try_policies(user_id, trial)
            if difference:
                found[user_id] = difference
    if options.json:
        show_json({"users": len(users), "differences": found})
    else:
        _tell(len(users), found)


def trial_of(document: dict[str, Any]) -> Trial:
    """The policies of a file, over the defaults. Raises `CommandFailed` or `InvalidValue` that says what is wrong."""
    unknown = sorted(document.keys() - set(_TABLES))
    if unknown:
        raise CommandFailed(f"[{unknown[0]}] is no policy that can be tried; there are {', '.join(_TABLES)}.")
    house = Policies()
    days = document.get("trial", {}).get("days")
    if days is not None and (not isinstance(days, int) or isinstance(days, bool) or days < 0):
        raise CommandFailed("[trial] days is a whole number of days, 0 or more.")
    return Trial(
        access=policy_of(house.access, document["access"], "access") if "access" in document else None,
        refund=policy_of(house.refund, document["refund"], "refund") if "refund" in document else None,
        dunning=policy_of(house.dunning, document["dunning"], "dunning") if "dunning" in document else None,
        proration=policy_of(OwnAmounts(), document["proration"], "proration") if "proration" in document else None,
        trial_days=days,
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{file} is no TOML: {error}.") from error


def _tell(users: int, found: dict[str, Difference]) -> None:
    access = [one for difference in found.values() for one in difference.access]
    money = [one for difference in found.values() for one in difference.money]
    if access:
        rows = [
            {
                "user": one.user_id,
                "resource": f"{one.resource.type}:{one.resource.id}",
                "access": one.change,
                "from": one.since,
                "until": one.until,
            }
            for one in access
        ]
        show_rows(rows, ("user", "resource", "access", "from", "until"), none="")
    if money:
        show_rows(money, ("user_id", "change", "subject_id", "at", "amount"), none="")
    sums: dict[str, int] = defaultdict(int)
    for one in money:
        sums[one.amount.currency] += one.amount.amount
    cost = ", ".join(str(Money(amount, currency)) for currency, amount in sorted(sums.items())) or "nothing"
    sys.stdout.write(f"{len(found)} of {users} users would notice; it would have brought {cost}.\n")
