"""The contract of the port for new ids."""

from __future__ import annotations

from uuid import UUID

from billing_core.ports.ids import IdSource

__all__ = ["IdSourceContract"]


class IdSourceContract:
    """Give the fixture ``ids``."""

    def test_an_id_is_a_uuid_of_version_7_in_its_usual_spelling(self, ids: IdSource) -> None:
        """As RFC 9562 has it: 36 characters, lower case."""
        made = ids.new()
        assert str(UUID(made)) == made
        assert UUID(made).version == 7
        assert UUID(made).variant == "specified in RFC 4122"

    def test_no_id_is_given_twice(self, ids: IdSource) -> None:
        """However many are asked for at once."""
        made = [ids.new() for _ in range(10_000)]
        assert len(set(made)) == len(made)
