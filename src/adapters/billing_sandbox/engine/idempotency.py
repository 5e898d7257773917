"""Idempotency keys: the first answer to a key is its answer for 24 hours, errors included."""

import hashlib

import msgspec
from attrs import define, field, frozen

from billing_sandbox.engine.errors import Fault
from billing_sandbox.engine.objects import DAY, Obj

LONGEST_KEY = 255
_SWEEP_EVERY = 1000


@frozen
class Kept:
    """A first answer, and what the request was."""

    fingerprint: str
    status: int
    body: bytes
    at: int


@define
class Keys:
    """All keys in use, and those whose request is still under way."""

    _kept: dict[str, Kept] = field(factory=dict)
    _running: dict[str, str] = field(factory=dict)

    def begin(self, key: str, fingerprint: str, now: int) -> Kept | None:
        """Claim a key. Returns the answer to give, if one is kept; None if the request is to be carried out.

        Raises:
            Fault: 409 while the same key is under way; 400 where the key was used for another request.
        """
        if len(key) > LONGEST_KEY:
            message = f"Idempotency keys can be at most {LONGEST_KEY} characters long."
            raise Fault(400, "idempotency_error", message)
        kept = self._kept.get(key)
        if kept is not None and kept.at + DAY <= now:
            del self._kept[key]
            kept = None
        if key in self._running:
            message = (
                "There is currently another in-progress request using this Idempotency Key (that probably means you "
                "submitted twice, and the other request is still going through)."
            )
            raise Fault(409, "idempotency_error", message, code="idempotency_key_in_use")
        if kept is not None and kept.fingerprint != fingerprint:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request."
            )
            raise Fault(400, "idempotency_error", message)
        if kept is None:
            self._running[key] = fingerprint
        return kept

    def finish(self, key: str, status: int, body: bytes, now: int) -> None:
        """Keep the answer."""
        self._kept[key] = Kept(self._running.pop(key), status, body, now)
        if len(self._kept) % _SWEEP_EVERY == 0:
            self._kept = {key: kept for key, kept in self._kept.items() if kept.at + DAY > now}

    def release(self, key: str) -> None:
        """Give the key back: nothing was carried out."""
        self._running.pop(key, None)

    def dump(self) -> list[tuple[str, str, int, bytes, int]]:
        """Everything kept, for a snapshot."""
        return [(key, k.fingerprint, k.status, k.body, k.at) for key, k in self._kept.items()]

    def restore(self, dumped: list[tuple[str, str, int, bytes, int]]) -> None:
        """Take over what `dump` gave."""
        self._kept = {key: Kept(fingerprint, status, body, at) for key, fingerprint, status, body, at in dumped}


def fingerprint_of(method: str, path: str, params: Obj) -> str:
    """What tells one request from another."""
    text = msgspec.json.encode([method, path, params], order="sorted")
    return hashlib.sha256(text).hexdigest()
