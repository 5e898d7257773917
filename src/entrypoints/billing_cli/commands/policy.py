"""`billing policy`."""

from __future__ import annotations

import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any, TypeVar

from cyclopts import App

from billing_cli.catalog_policies import policy_of
from billing_cli.desk import opened
from billing_cli.failures import CommandFailed
from billing_cli.options import LOOKING, Looking, UserId
from billing_cli.policy_check import check
from billing_cli.printing import show_json, show_rows
from billing_cli.progress import counted
from billing_core.domain.change_rules import OwnAmounts
from billing_core.domain.errors import InvalidValue
from billing_core.domain.money import Money
from billing_core.domain.plans import TRIAL_DAYS_MAX
from billing_core.domain.policies import Policies
from billing_core.domain.policy_lab import Difference, Trial

__all__ = ["app", "trial_of"]

app = App(name="policy", help="Policies: what others would have changed.")

app.command(check)

P = TypeVar("P")
_TABLES = ("access", "refund", "dunning", "proration", "trial")


@app.command(name="try")
async def try_(file: Path, /, *, user: UserId | None = None, options: Looking = LOOKING) -> None:
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
    """The policies of a file, over the defaults. Raises `CommandFailed` that says what is wrong, and where."""
    unknown = sorted(document.keys() - set(_TABLES))
    if unknown:
        raise CommandFailed(f"[{unknown[0]}] is no policy that can be tried; there are {', '.join(_TABLES)}.")
    no_table = next((name for name, given in document.items() if not isinstance(given, dict)), None)
    if no_table is not None:
        raise CommandFailed(f"[{no_table}] is a table, with what differs from the defaults.")
    house = Policies()
    return Trial(
        access=_tried(house.access, document, "access"),
        refund=_tried(house.refund, document, "refund"),
        dunning=_tried(house.dunning, document, "dunning"),
        proration=_tried(OwnAmounts(), document, "proration"),
        trial_days=_trial_days(document.get("trial", {})),
    )


def _tried(house: P, document: dict[str, Any], table: str) -> P | None:
    if table not in document:
        return None
    try:
        return policy_of(house, document[table], table)
    except InvalidValue as error:
        field = (error.field or table).removeprefix(table).removeprefix(".")
        raise CommandFailed(f"[{table}] {field}: {error.message}" if field else f"[{table}] {error.message}") from error


def _trial_days(given: dict[str, Any]) -> int | None:
    other = sorted(given.keys() - {"days"})
    if other:
        raise CommandFailed(f"[trial] has days alone, not {other[0]}.")
    days = given.get("days")
    if days is None:
        return None
    if not isinstance(days, int) or isinstance(days, bool) or not 0 <= days <= TRIAL_DAYS_MAX:
        raise CommandFailed(f"[trial] days is a whole number of days, from 0 to {TRIAL_DAYS_MAX}.")
    return days


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
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
