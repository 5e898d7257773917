"""An operation of the API: where it is found, what it takes, what it does."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import field, frozen

from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.params import TEXT, Fields, Int, Kind, ListOf
from billing_sandbox.engine.world import World

Run: TypeAlias = Callable[..., Obj]
"""Called with the world, the parameters that were sent, and the ids in the path."""

PAGE: Fields = {"limit": Int(1, 100), "starting_after": TEXT, "ending_before": TEXT}
EXPAND: Fields = {"expand": ListOf(TEXT)}


@frozen
class Operation:
    """One verb on one path."""

    method: str
    path: str
    run: Run
    params: Mapping[str, Kind] = field(factory=dict)
    required: tuple[str, ...] = ()

    @property
    def accepts(self) -> Mapping[str, Kind]:
        """The parameters; whatever does not delete understands `expand`."""
        return dict(self.params) if self.method == "DELETE" else {**self.params, **EXPAND}


def retrieve(kind: str, param: str = "id") -> Run:
    """An operation's body that gives one object by the id in its path."""

    def run(w: World, _p: Obj, object_id: str) -> Obj:
        return w.named(kind, object_id, param)

    return run
