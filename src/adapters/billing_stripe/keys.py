"""API keys: what their text says."""

from __future__ import annotations

__all__ = ["is_live"]


def is_live(api_key: str) -> bool:
    """Whether a secret or restricted key is of live mode, where money is real."""
    return "_live_" in api_key
