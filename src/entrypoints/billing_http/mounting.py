"""Mounting: the HTTP API as a part of another ASGI application, such as Starlette's or FastAPI's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Any, Self, cast

from attrs import define, field
from litestar.types import Receive, Scope, Send

from billing_bootstrap.application import Application
from billing_http.app import BillingHttp, build

__all__ = ["Mounted"]

#: A connection or a message, as whatever serves ASGI types it.
_Asgi = MutableMapping[str, Any]


@define(eq=False)
class Mounted:
    """The API as an ASGI application that somebody else serves: open it in their lifespan, mount it among their routes.

    It answers below ``/api`` of where it is mounted; ``/metrics`` too. Its use cases are there for the same process
    without HTTP, as `application`.
    """

    #: What opens the application, such as ``open_application(settings)``.
    _opening: AbstractAsyncContextManager[Application]
    _stack: AsyncExitStack = field(factory=AsyncExitStack, init=False)
    _open: tuple[Application, BillingHttp] | None = field(default=None, init=False)

    @property
    def application(self) -> Application:
        """The use cases. Raises `RuntimeError` before it is opened."""
        return self._opened()[0]

    async def __aenter__(self) -> Self:
        """Open the application."""
        application = await self._stack.enter_async_context(self._opening)
        self._open = application, build(application)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self._open = None
        await self._stack.aclose()

    async def __call__(
        self, scope: _Asgi, receive: Callable[[], Awaitable[_Asgi]], send: Callable[[_Asgi], Awaitable[None]]
    ) -> None:
        """Answer a request."""
        root: str = scope.get("root_path", "")
        if root and scope["path"].startswith(f"{root}/"):  # every path is looked at as if nothing stood before it
            scope = {**scope, "path": scope["path"].removeprefix(root), "root_path": ""}
        await self._opened()[1](cast("Scope", scope), cast("Receive", receive), cast("Send", send))

    def _opened(self) -> tuple[Application, BillingHttp]:
        if self._open is None:
            raise RuntimeError("The billing application is not open: enter `Mounted` in the lifespan that mounts it.")
        return self._open
