"""Our ids: UUIDv7, derived from the provider's where the provider made the thing (ADR 0003)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.errors import NotFound
from billing_core.domain.ids import derived_id, require_uuid, uuid7
from tests.builders import day, utc
from tests.strategies import moments


def test_a_derived_id_is_the_same_for_ever() -> None:
    """This very id stands in databases: a change here would rename everything."""
    assert derived_id(utc("2026-01-01"), "sub_1") == "019b76da-a800-7e81-b6fc-e7d175418cc5"


@given(moments(), st.text(min_size=1, max_size=40))
def test_a_derived_id_is_a_uuid_of_version_7_that_carries_the_time(created: datetime, provider_id: str) -> None:
    found = UUID(derived_id(created, provider_id))
    assert (found.version, found.variant) == (7, "specified in RFC 4122")
    assert found.int >> 80 == int(created.timestamp() * 1000)


@given(st.sets(st.text(min_size=1, max_size=20), min_size=2, max_size=20))
def test_different_things_have_different_ids(provider_ids: set[str]) -> None:
    assert len({derived_id(day(0), provider_id) for provider_id in provider_ids}) == len(provider_ids)


@given(st.integers(0, 2**48 - 2), st.integers(0, 2**74 - 1), st.integers(0, 2**74 - 1))
def test_ids_sort_by_time(milliseconds: int, one: int, other: int) -> None:
    assert uuid7(milliseconds, one) < uuid7(milliseconds + 1, other)


def test_an_id_is_read_in_any_usual_spelling() -> None:
    spelled = "019B76DA-A800-7E81-B6FC-E7D175418CC5"
    assert require_uuid(spelled) == spelled.lower()


@pytest.mark.parametrize("value", ["", "sub_1", "019b76da", "../../etc"])
def test_a_malformed_id_names_nothing(value: str) -> None:
    with pytest.raises(NotFound):
        require_uuid(value)
