"""The sandbox as a server on loopback."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

from aiohttp import web
from attrs import field, frozen

from billing_sandbox import control, snapshot
from billing_sandbox.api_face import SANDBOX, api
from billing_sandbox.delivery import Deliveries
from billing_sandbox.engine.engine import Engine
from billing_sandbox.engine.ids import SeededIds
from billing_sandbox.engine.objects import API_VERSION
from billing_sandbox.engine.webhook_endpoints import register
from billing_sandbox.engine.world import World
from billing_sandbox.pages import checkout, documents, index, portal
from billing_sandbox.service import Sandbox

DEFAULT_KEY = "sk_test_sandbox"
_TICK_SECONDS = 0.5
_MEGABYTE = 1024 * 1024
_log = logging.getLogger(__name__)


@frozen(kw_only=True)
class Options:
    """How a sandbox is served.

    Attributes:
        host: Address to listen on; loopback unless you know better.
        port: TCP port, 0 for any that is free.
        api_keys: The secret keys that are accepted (`sk_test_…`, `rk_test_…`).
        webhook_url: Where all events are sent, from the start. None for nowhere.
        webhook_secret: What they are signed with. None for a fresh one.
        data: Folder that keeps the state between runs. None for memory only.
        clock_offset: Seconds ahead of real time; only where no state is found in `data`.
        seed: Makes ids reproducible. None for unpredictable ones.
        public_url: What links to the sandbox's pages begin with. None for host and port.
    """

    host: str = "127.0.0.1"
    port: int = 12111
    api_keys: tuple[str, ...] = (DEFAULT_KEY,)
    webhook_url: str | None = None
    webhook_secret: str | None = None
    data: Path | None = None
    clock_offset: int = 0
    seed: str | None = None
    public_url: str | None = field(default=None)


def refuse_live_keys(keys: tuple[str, ...]) -> None:
    """Make sure that no live key comes near a sandbox.

    Raises:
        ValueError: A key is no test key.
    """
    for key in keys:
        if not key.startswith(("sk_test_", "rk_test_")):
            message = "a sandbox takes test keys only: sk_test_… or rk_test_…"
            raise ValueError(message)


def make_sandbox(options: Options, changed: Callable[[], None] = lambda: None) -> Sandbox:
    """A sandbox as the options want it, with the state that was kept."""
    refuse_live_keys(options.api_keys)
    world = World(
        ids=SeededIds(options.seed or secrets.token_hex(16)),
        main_time=int(time.time()) + options.clock_offset,
        public_url=options.public_url or f"http://{options.host}:{options.port}",
    )
    sandbox = Sandbox(
        engine=Engine(world),
        deliveries=Deliveries(world),
        api_keys=frozenset(options.api_keys),
        offset=options.clock_offset,
        changed=changed,
    )
    if options.data is not None:
        snapshot.load(sandbox, options.data)
        sandbox.keep = partial(snapshot.save, sandbox, options.data, durable=False)
    _register(world, options)
    return sandbox


def make_app(sandbox: Sandbox) -> web.Application:
    """The HTTP faces of a sandbox: API, pages, control."""
    app = web.Application(middlewares=[control.faults_as_json], client_max_size=_MEGABYTE)
    app[SANDBOX] = sandbox
    app.add_routes(control.routes())
    app.add_routes(
        [
            web.get("/", index.index),
            web.get("/c/pay/{id}", checkout.show),
            web.post("/c/pay/{id}", checkout.submit),
            *documents.routes(),
            *portal.routes(),
            web.route("*", "/v1/{rest:.*}", api),
        ]
    )
    return app


@contextlib.asynccontextmanager
async def running(options: Options) -> AsyncIterator[tuple[Sandbox, str]]:
    """A sandbox that serves while the context lasts; gives it and its URL."""
    dirty = asyncio.Event()
    sandbox = make_sandbox(options, dirty.set)
    runner = web.AppRunner(make_app(sandbox), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    site = web.TCPSite(runner, options.host, options.port)
    await site.start()
    port = runner.addresses[0][1]
    url = f"http://{options.host}:{port}"
    if options.public_url is None:
        sandbox.engine.world.public_url = url
    keepers = [asyncio.create_task(_tick(sandbox, dirty)), asyncio.create_task(_keep(sandbox, options.data, dirty))]
    try:
        yield sandbox, url
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await runner.cleanup()
        await sandbox.deliveries.close()
        if options.data is not None:
            snapshot.save(sandbox, options.data)


async def serve(options: Options, *, ready: Callable[[str], None] = lambda _: None) -> None:
    """Serve until cancelled; `ready` is told the URL as soon as requests are answered."""
    async with running(options) as (_, url):
        ready(url)
        await asyncio.Event().wait()


def _register(world: World, options: Options) -> None:
    if options.webhook_url is None:
        return
    held = [e for e in world.store.each("webhook_endpoint") if e["metadata"].get("sandbox") == "command line"]
    secret = options.webhook_secret or world.new_id("whsec_")
    if held:  # the same endpoint, so that what waits for it still arrives
        world.store.put(held[0] | {"url": options.webhook_url})
        world.store.put_private(held[0]["id"], {"secret": secret})
    else:
        endpoint = register(world, options.webhook_url, ["*"], secret, api_version=API_VERSION)
        world.store.put(endpoint | {"metadata": {"sandbox": "command line"}})


async def _tick(sandbox: Sandbox, dirty: asyncio.Event) -> None:
    while True:
        await asyncio.sleep(_TICK_SECONDS)
        due = sandbox.engine.next_due()
        try:
            sandbox.catch_up()
        except Exception:  # noqa: BLE001 - one fault in the engine must not stop the clock for good
            _log.exception("something that fell due could not be done; time goes on without it")
        if due is not None and due <= sandbox.now:
            dirty.set()


async def _keep(sandbox: Sandbox, folder: Path | None, dirty: asyncio.Event) -> None:
    while folder is not None:
        await dirty.wait()
        await asyncio.sleep(_TICK_SECONDS)
        dirty.clear()
        snapshot.save(sandbox, folder)
