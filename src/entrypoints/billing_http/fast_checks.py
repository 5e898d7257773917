"""Many decisions at once, read and written in few steps.

What is asked about again is neither checked nor encoded again, and what is decided alike is encoded once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from attrs import define, field

from billing_bootstrap import presenting
from billing_core.domain.access import Decision
from billing_core.domain.errors import InvalidValue
from billing_core.domain.resources import Resource, ResourceType

__all__ = ["Checks"]

_AT_ONCE_MAX: Final = 500
#: Of so many resources is kept how they are written: some hundred bytes each.
_KNOWN_MAX: Final = 10_000
_encode: Final = msgspec.json.Encoder().encode


class _Asked(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    resource_type: str
    resource_id: str


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    resources: list[_Asked]


@define
class Checks:
    """Reads what is asked, and writes the answer; leaves to others whatever is unusual."""

    _decoder: msgspec.json.Decoder[_Body] = field(factory=lambda: msgspec.json.Decoder(_Body), init=False)
    #: By type and id as they were given.
    _resources: dict[tuple[str, str], Resource] = field(factory=dict, init=False)
    #: How the answer about each begins.
    _heads: dict[Resource, bytes] = field(factory=dict, init=False)

    def read(self, body: bytes) -> Sequence[Resource] | None:
        """What is asked about, in this order; None for a body that has to be looked at more closely.

        Where no character is escaped and each field's name stands as often as there are things to name with it, no
        field is given twice.
        """
        try:
            asked = self._decoder.decode(body).resources
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        plain = b"\\" not in body and body.count(b'"resources"') == 1
        once = body.count(b'"resource_type"') == body.count(b'"resource_id"') == len(asked)
        if not plain or not once or not 0 < len(asked) <= _AT_ONCE_MAX:
            return None
        known = self._resources
        try:
            return [known.get((one.resource_type, one.resource_id)) or self._met(one) for one in asked]
        except (InvalidValue, ValueError):
            return None

    def write(self, decisions: Iterable[tuple[Resource, Decision]]) -> bytes:
        """The answer: for each resource the decision on it, which may have been made about another one."""
        heads = self._heads
        # By identity, which nothing else has as long as it is kept here.
        tails: dict[int, tuple[Decision, bytes]] = {}
        written = []
        for resource, decided in decisions:
            known = tails.get(id(decided))
            if known is None:
                known = tails[id(decided)] = decided, _tail(decided)
            written.append((heads.get(resource) or _head(resource)) + known[1])
        return b'{"decisions":[%b]}' % b",".join(written)

    def _met(self, asked: _Asked) -> Resource:
        """A resource that was not asked about lately. Raises `InvalidValue` or `ValueError` for what is none."""
        resource = Resource(ResourceType(asked.resource_type), asked.resource_id)
        if len(self._resources) >= _KNOWN_MAX:
            self._resources.clear()
            self._heads.clear()
        self._resources[asked.resource_type, asked.resource_id] = resource
        self._heads[resource] = _head(resource)
        return resource


def _head(resource: Resource) -> bytes:
    """How an answer about it begins."""
    return _encode(presenting.resource(resource))[:-1]


def _tail(decided: Decision) -> bytes:
    """How an answer that is decided so goes on."""
    return _encode(presenting.decision(decided)).removeprefix(_head(decided.resource))
