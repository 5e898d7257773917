"""What can be opened: resources, and what contains what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from attrs import field, frozen

from billing_core.domain.errors import CatalogInvalid, InvalidValue

__all__ = ["EVERY", "EVERYTHING", "OPAQUE_ID", "Containment", "Pair", "Resource", "ResourceType", "is_id", "require_id"]

#: As a resource id: every one of its type.
EVERY = "*"
#: What an opaque id looks like: 1 to 255 characters, without ``/``, control characters and ends of lines.
OPAQUE_ID = r"^[^/\x00-\x1f\x7f-\x9f\u2028\u2029]{1,255}$"
#: Nor half of a pair of UTF-16: that is no character, and nothing that could be stored.
_matches = re.compile(r"[^/\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,255}").fullmatch


def require_id(value: str, name: str) -> str:
    """``value``, where it is an opaque id that fits `OPAQUE_ID`; else `InvalidValue`."""
    if not is_id(value):
        raise InvalidValue(f"{name} has 1 to 255 characters, none of them '/' or a control character.", field=name)
    return value


def is_id(value: str) -> bool:
    """Whether it is an opaque id that fits `OPAQUE_ID`."""
    return _matches(value) is not None


class ResourceType(StrEnum):
    """The kinds of thing that can be opened."""

    PLATFORM = "platform"
    COURSE = "course"
    LEARNING_PATH = "learning_path"
    LAB = "lab"


def _resource_type(value: str) -> ResourceType:
    return value if isinstance(value, ResourceType) else ResourceType(value)


def _resource_id(value: str) -> str:
    return require_id(value, "resource_id")


@frozen(order=True)
class Resource:
    """One thing that can be opened, or with the id ``*`` every one of its type."""

    type: ResourceType = field(converter=_resource_type)
    id: str = field(converter=_resource_id)

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"

    def __hash__(self) -> int:
        """That of the id alone, which Python remembers: resources are looked up all the time, and few share an id."""
        return hash(self.id)


#: A resource as its type and id: Python finds a pair by itself, where it asks a value of ours for its hash.
Pair = tuple[ResourceType, str]

#: A grant of this opens whatever is asked for.
EVERYTHING = Resource(ResourceType.PLATFORM, EVERY)


def _reach(start: Resource, direct: Mapping[Resource, Iterable[Resource]]) -> frozenset[Resource]:
    found: set[Resource] = set()
    waiting = [start]
    while waiting:
        for inner in direct.get(waiting.pop(), ()):
            if inner not in found:
                found.add(inner)
                waiting.append(inner)
    return frozenset(found)


@frozen
class Containment:
    """Which items contain which, closed transitively: access to the outer is access to the inner."""

    #: Everything that each item contains, however deep.
    inner: Mapping[Resource, frozenset[Resource]] = field(factory=dict)
    #: Everything that contains each item, however far out.
    outer: Mapping[Resource, frozenset[Resource]] = field(factory=dict)
    #: For each item that something contains, and for any other of each type: what opens it besides itself.
    _holders: Mapping[Pair, frozenset[Pair]] = field(init=False, eq=False, repr=False)
    _holders_of_any: Mapping[ResourceType, frozenset[Pair]] = field(init=False, eq=False, repr=False)
    #: And with itself, for each item that something contains.
    _opening: Mapping[Pair, frozenset[Pair]] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        holders = {(item.type, item.id): self._find_holders(item) for item in self.outer}
        object.__setattr__(self, "_holders", holders)
        object.__setattr__(self, "_opening", {item: around | {item} for item, around in holders.items()})
        wholes = (Resource(kind, EVERY) for kind in ResourceType)
        object.__setattr__(self, "_holders_of_any", {whole.type: self._find_holders(whole) for whole in wholes})

    @classmethod
    def of(cls, direct: Mapping[Resource, Iterable[Resource]]) -> Containment:
        """The closure of what each item directly contains. A circle raises `CatalogInvalid`."""
        inner = {item: _reach(item, direct) for item in direct}
        circle = sorted(str(item) for item, within in inner.items() if item in within)
        if circle:
            raise CatalogInvalid(f"These items contain each other in a circle: {', '.join(circle)}.", field="contains")
        outer: dict[Resource, set[Resource]] = {}
        for item, within in inner.items():
            for contained in within:
                outer.setdefault(contained, set()).add(item)
        return cls(inner, {item: frozenset(holders) for item, holders in outer.items()})

    def holders_of(self, resource: Resource) -> frozenset[Pair]:
        """All others a grant of which opens ``resource``: what contains it, ``*`` of each, everything."""
        return self._holders.get((resource.type, resource.id)) or self._holders_of_any[resource.type]

    def opened_by(self, resource: Resource) -> frozenset[Pair]:
        """All a grant of which opens ``resource``: itself and `holders_of` it."""
        pair = resource.type, resource.id
        return self._opening.get(pair) or self._holders_of_any[resource.type] | {pair}

    def _find_holders(self, resource: Resource) -> frozenset[Pair]:
        named = {resource, *self.outer.get(resource, ())}
        every = {Resource(holder.type, EVERY) for holder in named}
        within_every = {holder for whole in every for holder in self.outer.get(whole, ())}
        return frozenset((one.type, one.id) for one in (named - {resource}) | every | within_every | {EVERYTHING})
