"""Every history by hand with every single event of it lost, and with larger losses: one reconciliation mends each."""

from __future__ import annotations

import pytest

from tests.component.http.test_histories import HISTORIES
from tests.component.http.test_histories_with_losses import play


@pytest.mark.parametrize("name", HISTORIES)
async def test_whatever_is_lost_one_reconciliation_says_the_same(name: str) -> None:
    assert await play([name], all_losses=True) >= len(HISTORIES[name].events)
