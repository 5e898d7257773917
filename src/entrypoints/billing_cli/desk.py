"""The desk: the application that a command works with, opened for that command alone."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from billing_bootstrap.application import Application
from billing_bootstrap.container import open_application
from billing_bootstrap.settings import OPERATE, Need, load_settings

__all__ = ["opened"]


@asynccontextmanager
async def opened(needs: Collection[Need] = OPERATE) -> AsyncIterator[Application]:
    """The application as the environment configures it. Raises `SettingsInvalid`."""
    async with open_application(load_settings(os.environ, needs)) as application:
        yield application
