"""The catalog file: TOML to plans and items, and every mistake named by plan or item, field and remedy."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from attrs import frozen

from billing_cli.catalog_policies import policy_of
from billing_core.domain.change_rules import ChangeRule, OwnAmounts
from billing_core.domain.errors import CatalogInvalid, InvalidValue
from billing_core.domain.money import Money
from billing_core.domain.periods import Interval
from billing_core.domain.plans import Catalog, Item, Plan
from billing_core.domain.policies import LENGTH_MAX, Policies, RefundPolicy
from billing_core.domain.resources import Resource, ResourceType

__all__ = ["CatalogFile", "read_catalog"]

_Row = TypeVar("_Row")
_Made = TypeVar("_Made")


class _Strict(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A table of the file; a field that is not known is a mistake, most often of spelling."""


class _Price(_Strict, frozen=True):
    amount: int
    currency: str


class _ResourceRow(_Strict, frozen=True):
    resource_type: str
    resource_id: str


class _PlanRow(_Strict, frozen=True):
    id: str
    name: str
    price: _Price
    interval: str
    description: str = ""
    interval_count: int = 1
    trial_days: int = 0
    rank: int = 0
    features: tuple[str, ...] = ()
    grants: tuple[_ResourceRow, ...] = ()
    stripe_price_id: str | None = None
    access: dict[str, Any] = {}
    trial: dict[str, Any] = {}
    dunning: dict[str, Any] = {}
    changes: tuple[dict[str, Any], ...] = ()


class _ItemRow(_Strict, frozen=True):
    resource_type: str
    resource_id: str
    name: str
    price: _Price
    contains: tuple[_ResourceRow, ...] = ()
    refund_window_days: int | None = None


@frozen(kw_only=True)
class CatalogFile:
    """What a catalog file says is sold."""

    plans: tuple[Plan, ...]
    items: tuple[Item, ...]


def read_catalog(path: Path, policies: Policies) -> CatalogFile:
    """The plans and items of the file at ``path``; what it leaves open follows ``policies``.

    Raises `CatalogInvalid`, whose message names the file, the plan or item, the field and what it should be.
    """
    try:
        return parse_catalog(path.read_text(encoding="utf-8"), policies)
    except OSError as error:
        raise CatalogInvalid(
            f"{path} cannot be read: {error.strerror}. Name a TOML file with plans and items."
        ) from None
    except UnicodeDecodeError:
        raise CatalogInvalid(f"{path} is not text in UTF-8. Save it as UTF-8.") from None
    except CatalogInvalid as error:
        raise CatalogInvalid(f"{path}: {error.message}", field=error.field) from None


def parse_catalog(text: str, policies: Policies) -> CatalogFile:
    """The plans and items in a catalog file's text. Raises `CatalogInvalid`."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CatalogInvalid(f"This is not TOML: {error}.") from None
    unknown = sorted(document.keys() - {"plans", "items"})
    if unknown:
        raise CatalogInvalid(
            f"{unknown[0]!r} is unknown here: a catalog has [[plans]] and [[items]].", field=unknown[0]
        )
    plans = _rows(document, "plans", _PlanRow, lambda row: _plan(row, policies))
    items = _rows(document, "items", _ItemRow, lambda row: _item(row, policies))
    Catalog(plans=plans, items=items).require_known_plans()  # what stands twice, circles, and names of plans
    return CatalogFile(plans=plans, items=items)


def _rows(
    document: dict[str, Any], table: str, row_type: type[_Row], make: Callable[[_Row], _Made]
) -> tuple[_Made, ...]:
    rows = document.get(table, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CatalogInvalid(
            f"Write each of the {table} as a table of its own that begins with [[{table}]].", field=table
        )
    return tuple(_row(number, row, table, row_type, make) for number, row in enumerate(rows, 1))


def _row(number: int, row: dict[str, Any], table: str, row_type: type[_Row], make: Callable[[_Row], _Made]) -> _Made:
    what = _name(number, row, table)
    try:
        return make(msgspec.convert(row, row_type))
    except msgspec.ValidationError as error:
        field, wrong = _explained(str(error))
        raise CatalogInvalid(f"{what}: {wrong}", field=field) from None
    except InvalidValue as error:
        where = f"{error.field}: " if error.field and error.field != table else ""
        raise CatalogInvalid(f"{what}: {where}{error.message}", field=error.field) from None


def _name(number: int, row: dict[str, Any], table: str) -> str:
    """What a person calls this row: by its id where it has one, else by its place."""
    if table == "plans":
        return f"plan {row['id']}" if "id" in row else f"plan number {number}"
    if "resource_type" in row and "resource_id" in row:
        return f"item {row['resource_type']}:{row['resource_id']}"
    return f"item number {number}"


_AT = re.compile(r"(?P<wrong>.*?)(?: - at `\$\.?(?P<field>[^`]*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.+)`")
_EXPECTED = re.compile(r"Expected `(.+)`, got `(.+)`")
#: Types as a person would write them in TOML.
_AS_TOML = {
    "int": "a whole number, such as 2900",
    "str": 'text in quotes, such as "usd"',
    "array": "a list in [ ]",
    "object": "a table in { }",
}


def _explained(message: str) -> tuple[str, str]:
    """The field that does not fit, and what to do about it: msgspec's message in the words of the file."""
    found = _AT.fullmatch(message)
    wrong, place = (found["wrong"], found["field"] or "") if found else (message, "")
    if missing := _MISSING.fullmatch(wrong):
        field = f"{place}.{missing[1]}".lstrip(".")
        return field, f"{field} is missing."
    if unknown := _UNKNOWN.fullmatch(wrong):
        field = f"{place}.{unknown[1]}".lstrip(".")
        return field, f"{field} is unknown here; is it misspelt?"
    if expected := _EXPECTED.fullmatch(wrong):
        wanted = _AS_TOML.get(expected[1].removesuffix(" | null"), expected[1])
        return place, f"{place} should be {wanted}."
    return place, f"{place}: {wrong}."


def _plan(row: _PlanRow, policies: Policies) -> Plan:
    return Plan(
        id=row.id,
        name=row.name,
        description=row.description,
        price=_money(row.price),
        interval=_interval(row.interval),
        interval_count=row.interval_count,
        trial_days=row.trial_days,
        rank=row.rank,
        features=row.features,
        grants=tuple(_resource(grant) for grant in row.grants),
        stripe_price_id=row.stripe_price_id,
        access=policy_of(policies.access, row.access, "access"),
        trial=policy_of(policies.trial, row.trial, "trial"),
        dunning=policy_of(policies.dunning, row.dunning, "dunning"),
        changes=tuple(_change(given) for given in row.changes),
    )


def _change(given: dict[str, Any]) -> ChangeRule:
    own = policy_of(OwnAmounts(), given.get("own", {}), "changes.own")
    return policy_of(ChangeRule(), {**given, "own": own} if "own" in given else given, "changes")


def _item(row: _ItemRow, policies: Policies) -> Item:
    days = row.refund_window_days
    if days is not None and not 0 <= days <= LENGTH_MAX:
        raise InvalidValue(f"It is from 0, which means never, to {LENGTH_MAX}.", field="refund_window_days")
    return Item(
        resource=_resource(row),
        name=row.name,
        price=_money(row.price),
        contains=tuple(_resource(inner) for inner in row.contains),
        refund=policies.refund if days is None else RefundPolicy(window_days=days, zone=policies.refund.zone),
    )


def _resource(row: _ResourceRow | _ItemRow) -> Resource:
    if row.resource_type not in set(ResourceType):
        raise InvalidValue(f"It is one of {', '.join(ResourceType)}, not {row.resource_type!r}.", field="resource_type")
    return Resource(ResourceType(row.resource_type), row.resource_id)


def _interval(value: str) -> Interval:
    if value not in set(Interval):
        raise InvalidValue(f"It is one of {', '.join(Interval)}, not {value!r}.", field="interval")
    return Interval(value)


def _money(price: _Price) -> Money:
    money = Money(price.amount, price.currency)
    money.require_chargeable()
    return money
