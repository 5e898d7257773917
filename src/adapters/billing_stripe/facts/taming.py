"""Taming: JSON that is JSON, but that no reader of ours takes whole, as the same JSON with what it chokes on replaced.

Half of a surrogate pair becomes U+FFFD, a number of more than twenty digits null, and what is nested deeper than a
hundred levels null too. None of it is in anything that a rule reads.
"""

from __future__ import annotations

import re

__all__ = ["tamed"]

_DEPTH_MAX = 100
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]|[-+.0-9eE]+|[^][{}"]', re.DOTALL)
#: Digits, or an exponent, beyond which a number is none that can be read.
_NUMBER_LENGTH_MAX = 20
_LONE = re.compile(
    rb"\\\\"  # an escaped backslash is no beginning of what follows it
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair
    rb"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def tamed(payload: bytes) -> bytes:
    """``payload`` as a reader takes it. What is no JSON stays none."""
    kept: list[bytes] = []
    depth = 0
    for found in _TOKEN.finditer(payload):
        token = found.group()
        if token in b"[{":
            depth += 1
            if depth == _DEPTH_MAX:
                kept.append(b"null")
        if depth < _DEPTH_MAX:
            kept.append(_tamed_token(token))
        if token in b"]}":
            depth -= 1
    return b"".join(kept)


def _tamed_token(token: bytes) -> bytes:
    if token.startswith(b'"'):
        return _LONE.sub(lambda match: rb"\ufffd" if match["half"] else match.group(), token)
    is_number = token[:1] in b"-0123456789"
    too_long = len(token) > _NUMBER_LENGTH_MAX or b"e" in token.lower()
    return b"null" if is_number and too_long else token
