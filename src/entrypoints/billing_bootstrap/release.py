"""The release that runs."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

__all__ = ["RELEASE"]

#: Read once, as it begins: the files that tell it may be replaced while it runs, or no more files can be opened.
RELEASE: Final = version("billing-core")
