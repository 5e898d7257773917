"""The contract of the port for new ids, on the fake."""

import pytest

from billing_contracts.ids import IdSourceContract
from billing_core.ports.ids import IdSource
from billing_memory import SequentialIds


class TestSequentialIds(IdSourceContract):
    """The fake."""

    @pytest.fixture
    def ids(self) -> IdSource:
        """Ids that count up."""
        return SequentialIds()
