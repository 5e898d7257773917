"""Strategies for whatever a domain class may hold, read from the types of its fields."""

from __future__ import annotations

import types
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin

import attrs
from hypothesis import strategies as st

from billing_core.domain.facts import SNAPSHOT_TYPES, Fact, Snapshot
from billing_core.domain.money import Money
from billing_core.domain.resources import Resource

T = TypeVar("T")

#: All of Unicode but NUL, which PostgreSQL cannot store.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
IDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="/"), min_size=1, max_size=12
)
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given a zone here
SECONDS = TIMES.map(lambda moment: moment.replace(microsecond=0))
NUMBERS = st.integers(-(2**31), 2**31 - 1)
CURRENCIES = st.sampled_from(["usd", "eur", "jpy", "kwd"])

_LEAVES: dict[object, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: NUMBERS,
    bool: st.booleans(),
    datetime: TIMES,
    type(None): st.none(),
    Money: st.builds(Money, st.integers(0, 10**12), CURRENCIES),
    Resource: st.builds(Resource, st.sampled_from(["course", "lab"]), IDS),
}


def instances(kind: type[T], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[T]:
    """Any instance of an attrs class; ``fields`` says more about some of its fields than their types do."""
    attrs.resolve_types(kind)  # type: ignore[type-var]  # every class given here is one of attrs
    chosen = {one.name: fields.get(one.name, _of(one.type)) for one in attrs.fields(kind) if one.init}  # type: ignore[arg-type]
    return st.builds(kind, **chosen)


def _of(annotation: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - a type is anything
    if annotation in _LEAVES:
        return _LEAVES[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {types.UnionType, Union}:
        return st.one_of(*(_of(argument) for argument in arguments))
    if origin is tuple:
        return st.lists(_of(arguments[0]), max_size=3).map(tuple)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    return instances(annotation)


def snapshots() -> st.SearchStrategy[Snapshot]:
    """An object of any kind."""
    return st.one_of(*(instances(kind, id=IDS) for kind in SNAPSHOT_TYPES.values()))


def facts(identity: st.SearchStrategy[str] = IDS) -> st.SearchStrategy[Fact]:
    """A fact about an object of any kind, with and without a state before it."""

    def about(after: Snapshot) -> st.SearchStrategy[Fact]:
        same: Callable[[Snapshot], Snapshot] = lambda before: attrs.evolve(before, id=after.id)  # noqa: E731
        before = st.none() | instances(type(after)).map(same)
        return st.builds(Fact, id=identity, type=TEXT, occurred_at=SECONDS, after=st.just(after), before=before)

    return snapshots().flatmap(about)
