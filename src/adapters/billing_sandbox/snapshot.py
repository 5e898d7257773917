"""The sandbox's memory on disk: one file, replaced as a whole, so that a crash leaves the old or the new state."""

import os
from pathlib import Path

import msgspec

from billing_sandbox.engine.settings import Settings
from billing_sandbox.service import Sandbox

_FILE = "sandbox.msgpack"


class Snapshot(msgspec.Struct):
    """Everything that outlives a restart."""

    offset: int
    main_time: int
    clock_times: dict[str, int]
    held_invoices: list[str]
    settings: dict[str, object]
    tables: dict[str, list[tuple[str, bytes]]]
    timers: dict[str, list[tuple[int, int, str, str]]]
    keys: list[tuple[str, str, int, bytes, int]]
    pending: list[dict[str, str]]


def save(sandbox: Sandbox, folder: Path, *, durable: bool = True) -> None:
    """Write the state of `sandbox` into `folder`; not `durable`, it outlives the process, but no loss of power."""
    world = sandbox.engine.world
    taken = Snapshot(
        offset=sandbox.ahead,
        main_time=world.main_time,
        clock_times=world.clock_times,
        held_invoices=sorted(world.held_invoices),
        settings=world.settings.to_json(),
        tables=world.store.dump(),
        timers=world.timers.dump(),
        keys=sandbox.engine.keys.dump(),
        pending=sandbox.deliveries.pending(),
    )
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f"{_FILE}.new"
    fresh.unlink(missing_ok=True)  # of a save that was cut off; nor is a link followed
    with fresh.open("xb") as file:
        file.write(msgspec.msgpack.encode(taken))
        file.flush()
        if durable:
            os.fsync(file.fileno())
    fresh.replace(folder / _FILE)


def load(sandbox: Sandbox, folder: Path) -> bool:
    """Bring a fresh sandbox to the state that was saved in `folder`; False where nothing was.

    Raises:
        ValueError: What is there is no snapshot of this version.
    """
    path = folder / _FILE
    if not path.exists():
        return False
    try:
        taken = msgspec.msgpack.decode(path.read_bytes(), type=Snapshot)
    except msgspec.DecodeError as error:
        message = f"{path} cannot be read ({error}): remove it to begin with an empty sandbox"
        raise ValueError(message) from error
    world = sandbox.engine.world
    world.main_time = taken.main_time
    world.clock_times = taken.clock_times
    world.held_invoices = set(taken.held_invoices)
    world.settings = Settings().changed(taken.settings)
    world.store.restore(taken.tables)
    world.timers.restore(taken.timers)
    world.restore_event_ages()
    sandbox.engine.keys.restore(taken.keys)
    sandbox.offset = taken.offset
    sandbox.deliveries.restore(taken.pending)
    return True
