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


def test_an_id_is_put_together_as_the_example_of_rfc_9562_is() -> None:
    """Appendix A.6: 22 February 2022, 14:22:22 in New York, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F."""
    found = uuid7(0x017F22E279B0, 0xCC3 << 62 | 0x18C4DC0C0C07398F)
    assert found == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def test_what_is_more_than_fits_is_cut_off() -> None:
    """A moment before 1970 counts backwards from the last there is."""
    assert uuid7(-1, 0) == uuid7(2**48 - 1, 0) == "ffffffff-ffff-7000-8000-000000000000"
    assert uuid7(0, -1) == uuid7(0, 2**74 - 1) == "00000000-0000-7fff-bfff-ffffffffffff"


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


@pytest.mark.parametrize(
    "value",
    [
        *("", "sub_1", "019b76da", "../../etc"),
        *("017f22e279b07cc398c4dc0c0c07398f", "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}"),
        "urn:uuid:017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    ],
)
def test_a_malformed_id_names_nothing(value: str) -> None:
    with pytest.raises(NotFound):
        require_uuid(value)
