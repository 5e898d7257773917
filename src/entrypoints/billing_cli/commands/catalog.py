"""`billing catalog`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from billing_bootstrap import presenting
from billing_bootstrap.settings import OFFLINE, OPERATE
from billing_bootstrap.shapes import MoneyShape, PlanShape, ResourceShape
from billing_cli.asking import ask_first
from billing_cli.catalog_file import read_catalog
from billing_cli.desk import opened
from billing_cli.options import CHANGING, LOOKING, Changing, Looking
from billing_cli.printing import show_json, show_rows
from billing_core.domain.plans import Item, Plan
from billing_core.use_cases.apply_catalog import CatalogDifference

__all__ = ["app"]

app = App(name="catalog", help="Plans and priced items from a TOML file.")


class PlanRow(PlanShape, frozen=True, kw_only=True):
    """A plan with what only operators are shown."""

    rank: int
    version: int
    active: bool
    stripe_price_id: str | None


class ItemRow(msgspec.Struct, frozen=True):
    """Something that can be bought singly."""

    resource_type: str
    resource_id: str
    name: str
    price: MoneyShape
    contains: tuple[ResourceShape, ...]
    refund_window_days: int
    active: bool


@app.command
async def apply(
    file: Path,
    /,
    *,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    offline: Annotated[bool, Parameter(negative=())] = False,
    options: Changing = CHANGING,
) -> None:
    """Bring what is sold, here and at Stripe, to what a file says. A second time changes nothing.

    For example:

        billing catalog apply catalog.toml --dry-run
        billing catalog apply catalog.toml --yes

    Args:
        file: The catalog file.
        dry_run: Only show what would change.
        offline: Ask Stripe nothing: each plan then names its stripe_price_id.
        options: How it is asked and shown.
    """
    async with opened(OFFLINE if offline or dry_run else OPERATE) as application:
        catalog = read_catalog(file, application.policies)
        if not dry_run:
            ask_first(f"Sell what {file} says, and nothing else?", yes=options.yes)
        difference = await application.apply_catalog(
            catalog.plans, catalog.items, actor=options.caller.user_id, dry_run=dry_run, offline=offline
        )
    _tell(difference, options)


def _tell(difference: CatalogDifference, options: Looking) -> None:
    found = {"added": difference.added, "changed": difference.changed, "withdrawn": difference.withdrawn}
    if options.json:
        show_json(found)
        return
    rows = [{"change": change, "what": name} for change, names in found.items() for name in names]
    show_rows(rows, ("change", "what"), none="Nothing changes.")


@app.command
async def pull(*, dry_run: Annotated[bool, Parameter(negative=())] = False, options: Changing = CHANGING) -> None:
    """Take over plans that were made in Stripe's Dashboard: recurring prices that no plan maps to yet.

    They open nothing until the catalog file says what: add them there, each with its stripe_price_id.

    For example:

        billing catalog pull --dry-run
        billing catalog pull --yes

    Args:
        dry_run: Only show what would be taken over.
        options: How it is asked and shown.
    """
    async with opened() as application:
        if not dry_run:
            ask_first("Sell every recurring price that Stripe has and no plan maps to?", yes=options.yes)
        pulled = await application.pull_catalog(actor=options.caller.user_id, dry_run=dry_run)
    plans = [_plan(plan) for plan in pulled]
    if options.json:
        show_json({"plans": plans})
        return
    show_rows(plans, ("id", "name", "price", "interval", "stripe_price_id"), none="Nothing is to be taken over.")
    if plans and not dry_run:
        sys.stderr.write("They open nothing yet: add them to the catalog file with their grants, and apply it.\n")


@app.command
async def show(*, options: Looking = LOOKING) -> None:
    """What is sold: the plans with their prices at Stripe, and the items.

    For example:

        billing catalog show --json
    """
    async with opened(OFFLINE) as application:
        catalog = await application.catalogs.current()
    plans, items = [_plan(plan) for plan in catalog.current()], [_item(item) for item in catalog.items]
    if options.json:
        show_json({"plans": plans, "items": items})
        return
    show_rows(plans, ("id", "name", "price", "interval", "trial_days", "active", "stripe_price_id"), none="No plans.")
    show_rows(items, ("resource_type", "resource_id", "name", "price", "contains", "active"), none="No items.")


def _plan(plan: Plan) -> PlanRow:
    return PlanRow(
        **msgspec.structs.asdict(presenting.plan(plan)),
        rank=plan.rank,
        version=plan.version,
        active=plan.active and not plan.withdrawn,
        stripe_price_id=plan.stripe_price_id,
    )


def _item(item: Item) -> ItemRow:
    return ItemRow(
        item.resource.type,
        item.resource.id,
        item.name,
        presenting.money(item.price),
        tuple(map(presenting.resource, item.contains)),
        item.refund.window_days,
        item.active,
    )
