"""The desk: the application that a command works with, opened for that command alone."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from billing_bootstrap.application import Application
from billing_bootstrap.container import open_application
from billing_bootstrap.settings import OPERATE, Need, load_settings

__all__ = ["opened"]

# Each try of the pool to connect would be a line on standard error; the command says in one what is wrong.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


@asynccontextmanager
async def opened(needs: Collection[Need] = OPERATE) -> AsyncIterator[Application]:
    """The application as the environment configures it. Raises `SettingsInvalid`."""
    async with open_application(load_settings(os.environ, needs), briefly=True) as application:
        yield application
