"""Seeding: a database that sells nothing sells the demo catalog."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from attrs import evolve

from billing_bootstrap.application import Application
from billing_bootstrap.container import open_application
from billing_bootstrap.settings import OPERATE, load_settings
from billing_cli.catalog_file import parse_catalog
from billing_cli.failures import CommandFailed
from billing_core.domain.errors import ProviderUnavailable
from billing_core.domain.plans import Plan

__all__ = ["seed"]

_ACTOR = "billing dev"
_REMEDY = "Check the network and STRIPE_API_BASE, or unset STRIPE_SECRET_KEY: then the sandbox is used."


async def seed(environment: Mapping[str, str], *, provider_is_fresh: bool) -> None:
    """Let the database of this environment sell something.

    What is sold already stays as it is; only where the provider is fresh, and has none of its prices, they are
    made there again. Raises `CommandFailed` where Stripe cannot be reached.
    """
    async with open_application(load_settings(environment, OPERATE)) as application:
        try:
            await _let_sell(application, provider_is_fresh=provider_is_fresh)
        except ProviderUnavailable as error:
            raise CommandFailed(f"{error.message} {_REMEDY}") from error


async def _let_sell(application: Application, *, provider_is_fresh: bool) -> None:
    catalog = await application.catalogs.current()
    if not catalog.plans and not catalog.items:
        await _sell_the_demo(application)
    elif provider_is_fresh:
        plans = [_without_price(plan) for plan in catalog.current() if not plan.withdrawn]
        items = [item for item in catalog.items if item.active]
        await application.apply_catalog(plans, items, actor=_ACTOR)


async def _sell_the_demo(application: Application) -> None:
    text = resources.files("billing_cli").joinpath("demo_catalog.toml").read_text(encoding="utf-8")
    demo = parse_catalog(text, application.policies)
    await application.apply_catalog(demo.plans, demo.items, actor=_ACTOR)


def _without_price(plan: Plan) -> Plan:
    return evolve(plan, stripe_price_id=None)
