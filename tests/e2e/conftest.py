"""One `billing dev` for all tests that only use it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running_dev import RunningDev, started_dev


@pytest.fixture(scope="session")
def dev_folder() -> Iterator[Path]:
    """Where `billing dev` may keep data: below parents that PostgreSQL's user may enter, unlike pytest's own folder."""
    with tempfile.TemporaryDirectory(prefix="billing-e2e-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def dev(dev_folder: Path) -> Iterator[RunningDev]:
    """A `billing dev` that is ready, for the whole session."""
    with started_dev(dev_folder / "shared") as running:
        running.until_it_says("Ready.")
        yield running
