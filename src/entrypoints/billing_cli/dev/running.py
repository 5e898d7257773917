"""Running everything: started in the order in which one needs the other, watched, and stopped as one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path

from attrs import define, field

from billing_bootstrap.business_time import put_ahead
from billing_bootstrap.dev_services import EmbeddedService, cache_in, database_in, free_port, is_free
from billing_bootstrap.migrating import migrate
from billing_bootstrap.settings import OFFLINE, Need, load_settings
from billing_cli.calls import Server
from billing_cli.commands.token import sign
from billing_cli.dev.banner import ADMIN, LEARNER, banner
from billing_cli.dev.choices import Choices, port_in, write_env
from billing_cli.dev.parts import LINES_SHOWN, Part
from billing_cli.dev.revivals import Revivals
from billing_cli.dev.sandbox_time import SandboxTime
from billing_cli.dev.saying import say
from billing_cli.dev.whereabouts import told
from billing_cli.failures import CommandFailed
from billing_core.domain.callers import Role

__all__ = ["Everything", "PartDied", "on_signals"]

_READY_SECONDS_MAX = 60.0
_POLL_SECONDS = 0.05
_WATCH_SECONDS = 0.3
_OK = 200
_SANDBOX_KEY = "sk_test_sandbox"
_TOKEN_LIFETIME = timedelta(days=365)
_MODULE = (sys.executable, "-m")


class PartDied(CommandFailed):
    """A part ended by itself; the others were stopped."""

    def __init__(self, name: str, status: int | None, last: list[str]) -> None:
        how = "ended" if status is None else f"ended with status {status}"
        super().__init__(f"{name} {how}, so everything was stopped. Its last lines are above.")
        self.name = name
        self.last = last


@define(eq=False)
class Everything:
    """One `billing dev`: `run` starts it and returns when it was told to stop, with nothing left running."""

    port: int
    folder: Path
    choices: Choices
    services: dict[str, EmbeddedService] = field(factory=dict, init=False)
    parts: list[Part] = field(factory=list, init=False)
    revivals: Revivals = field(factory=Revivals, init=False)
    #: None where Stripe is the user's own, which lives in real time.
    time: SandboxTime | None = field(default=None, init=False)

    @property
    def env_file(self) -> Path:
        """Where every setting is written down."""
        return self.folder / "dev.env"

    async def run(self) -> None:
        """Start everything, say where it is, and watch it until Ctrl-C. Raises `PartDied` and what starting raises."""
        stop = asyncio.Event()
        on_signals(stop)
        up = asyncio.create_task(self._up_and_watched())
        told_to_stop = asyncio.create_task(stop.wait())
        await asyncio.wait([up, told_to_stop], return_when=asyncio.FIRST_COMPLETED)
        told_to_stop.cancel()
        up.cancel()
        try:
            await up
        except asyncio.CancelledError:
            say("Stopped.\n")

    async def _up_and_watched(self) -> None:
        async with AsyncExitStack() as stack:
            found = await self._addresses(stack)
            environment = self.choices.environment(self.port, found)
            environment |= _tokens(environment)
            fresh = await self._start_sandbox(stack, environment)
            applied = await asyncio.to_thread(migrate, environment)
            if applied:
                say(f"Migrations applied: {', '.join(applied)}\n")
            api = await self._start(stack, "api", ("billing_cli", "serve", "--port", str(self.port)), environment)
            await self._prepare(environment, provider_is_fresh=fresh)
            server = Server(environment["BILLING_URL"], "The API")
            await self._until_ready(api, lambda: server.get("/api/health/ready").status == _OK)
            # Nobody waits for it, so it comes last: what it finds to do is not lost meanwhile.
            await self._start(stack, "worker", ("billing_cli", "worker"), environment)
            write_env(self.env_file, environment, self.choices.given)
            stack.enter_context(told(self.port, self.env_file))
            say(banner(environment, self.env_file, self.port))
            await self._watch()

    async def _addresses(self, stack: AsyncExitStack) -> dict[str, str]:
        """Where database, cache and Stripe are: given ones, else our own, on the ports of last time where free."""
        earlier = self.choices.earlier
        found: dict[str, str] = {}
        if not self.choices.has_database:
            found["DATABASE_URL"] = self._serve(stack, "database", database_in, port_in(earlier.get("DATABASE_URL")))
        if not self.choices.has_redis:
            found["REDIS_URL"] = self._serve(stack, "redis", cache_in, port_in(earlier.get("REDIS_URL")))
        else:
            found["REDIS_URL"] = load_settings(self.choices.given, {Need.REDIS}).redis_url
        if not self.choices.has_stripe:
            port = port_in(earlier.get("STRIPE_API_BASE"))
            port = port if port is not None and is_free(port) else free_port()
            found["STRIPE_API_BASE"] = f"http://127.0.0.1:{port}"
            found["STRIPE_SECRET_KEY"] = _SANDBOX_KEY
            found["STRIPE_PUBLISHABLE_KEY"] = "pk_test_sandbox"
        return found

    def _serve(
        self, stack: AsyncExitStack, name: str, make: Callable[[Path], EmbeddedService], port: int | None
    ) -> str:
        service = make(self.folder / name)
        stack.callback(service.stop)
        url = service.start(port)
        self.services[name] = service
        return url

    async def _start_sandbox(self, stack: AsyncExitStack, environment: Mapping[str, str]) -> bool:
        """Start the sandbox where no Stripe is given; whether it remembers nothing from before."""
        if self.choices.has_stripe:
            return False
        memory = self.folder / "sandbox"
        fresh = not memory.exists() or not any(memory.iterdir())
        options = (
            *("--port", str(port_in(environment["STRIPE_API_BASE"]))),
            *("--webhook-url", f"{environment['BILLING_URL']}/api/webhooks/stripe"),
            *("--data", str(memory)),
        )
        # Not as options: everybody on the machine can read those.
        secrets = {
            "SANDBOX_API_KEY": environment["STRIPE_SECRET_KEY"],
            "SANDBOX_WEBHOOK_SECRET": environment["STRIPE_WEBHOOK_SECRET"].partition(",")[0],
        }
        await self._start(stack, "sandbox", ("billing_sandbox", *options), {**environment, **secrets})
        return fresh

    async def _prepare(self, environment: Mapping[str, str], *, provider_is_fresh: bool) -> None:
        """Let business time agree with the sandbox's, and sell something where nothing is sold."""
        if self.choices.has_stripe:
            await put_ahead(load_settings(environment, OFFLINE), timedelta())
        else:
            sandbox = Server(environment["STRIPE_API_BASE"], "The sandbox")
            await self._until_ready(self.parts[0], lambda: sandbox.get("/_sandbox/health").status == _OK)
            self.time = SandboxTime(sandbox, load_settings(environment, OFFLINE))
            await self.time.follow()
        seeded = self.folder / "seeded"
        if provider_is_fresh or self.choices.has_database or not seeded.exists():
            from billing_cli.dev.seeding import seed  # noqa: PLC0415 - half a second that only a first start needs

            await seed(environment, provider_is_fresh=provider_is_fresh)
            if not self.choices.has_database:
                seeded.touch()

    async def _start(
        self, stack: AsyncExitStack, name: str, module: tuple[str, ...], environment: Mapping[str, str]
    ) -> Part:
        part = Part(name, (*_MODULE, *module))
        stack.push_async_callback(part.stop)
        await part.start(environment)
        self.parts.append(part)
        return part

    async def _until_ready(self, part: Part, answers: Callable[[], bool]) -> None:
        ended = asyncio.create_task(part.ended())
        try:
            async with asyncio.timeout(_READY_SECONDS_MAX):
                while not await asyncio.to_thread(_tried, answers):
                    if ended.done():
                        raise _death(part.name, ended.result(), list(part.last))
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise CommandFailed(f"{part.name} did not answer within {_READY_SECONDS_MAX:.0f} s.") from None
        finally:
            ended.cancel()

    async def _watch(self) -> None:
        """Until a part ends by itself that nothing can be without, which is always a fault. Raises `PartDied`.

        Raises `BrokenPipeError` once nobody reads any more what the parts say.
        """
        ends = {asyncio.create_task(part.ended()): part for part in self.parts}
        try:
            while True:
                done, _ = await asyncio.wait(ends, timeout=_WATCH_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    part = ends.pop(task)
                    if not self.revivals.may(part.name):
                        raise _death(part.name, task.result(), list(part.last))
                    await part.revive()
                    ends[asyncio.create_task(part.ended())] = part
                self._look_after_services()
                if not all(part.is_heard for part in self.parts):
                    raise BrokenPipeError
                if self.time is not None:
                    await self.time.follow()
        finally:
            for task in ends:
                task.cancel()

    def _look_after_services(self) -> None:
        """Start again what ended by itself. Raises `PartDied` where that is in vain."""
        for name, service in self.services.items():
            if service.is_running():
                continue
            if not self.revivals.may(name):
                raise _death(name, None, service.last_lines(LINES_SHOWN))
            service.revive()


def _tried(answers: Callable[[], bool]) -> bool:
    try:
        return answers()
    except CommandFailed:  # nobody listens yet
        return False


def _death(name: str, status: int | None, last: list[str]) -> PartDied:
    sys.stderr.write(f"\n{name} ended by itself. The last that it said:\n" + "".join(f"  {line}\n" for line in last))
    return PartDied(name, status, last)


def _tokens(environment: Mapping[str, str]) -> dict[str, str]:
    if not environment.get("JWT_SECRET"):
        return {}
    return {
        "LEARNER_TOKEN": sign(environment, LEARNER, (), _TOKEN_LIFETIME),
        "ADMIN_TOKEN": sign(environment, ADMIN, (Role.ADMIN,), _TOKEN_LIFETIME),
    }


def on_signals(stop: asyncio.Event) -> None:
    """Ctrl-C and their like stop everything; a second one at once."""

    def told_so() -> None:
        if stop.is_set():
            os._exit(130)  # the children are bound to us and end too
        stop.set()
        with suppress(BrokenPipeError):  # what reads it, as tee does, may have been stopped by the same Ctrl-C
            say("\nStopping ...\n")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, told_so)
