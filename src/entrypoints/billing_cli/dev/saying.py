"""Saying something to whoever reads `billing dev`: at once, also where that is a file or another program."""

import sys

__all__ = ["say"]


def say(text: str) -> None:
    """Print this. Raises `BrokenPipeError` where nobody reads any more."""
    sys.stdout.write(text)
    sys.stdout.flush()
