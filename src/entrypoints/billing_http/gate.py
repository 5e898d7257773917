"""The gate: who is asking, and whether they ask too often. Everything passes it before it is routed."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Any

from attrs import frozen
from litestar.types import ASGIApp, Receive, Scope, Send

from billing_core.domain.callers import Caller, Role
from billing_core.ports.rate_limits import Exceeded, RateLimiter
from billing_http.answering import send_problem
from billing_http.operations import CALLER
from billing_http.problems import Code, Problem
from billing_http.token_keys import KeysUnavailable
from billing_http.tokens import TokenInvalid, TokenVerifier

__all__ = ["Gate"]

#: Asked by machines that watch us, and by Stripe: neither has a limit.
_UNLIMITED = ("/api/webhooks/", "/api/health", "/metrics")
_IPV6_NETWORK_BITS = 64


@frozen(kw_only=True)
class Gate:
    """Finds out the caller and counts the request: of a user by name, of anybody else by address."""

    app: ASGIApp
    tokens: TokenVerifier
    user_limit: RateLimiter
    address_limit: RateLimiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        given: Any = scope
        try:
            caller = await self._caller(scope)
        except TokenInvalid as error:
            caller, given[CALLER] = None, str(error)
        except KeysUnavailable:
            detail = "The keys that tokens are verified with cannot be fetched at the moment."
            await send_problem(Problem(code=Code.UNAVAILABLE, detail=detail), scope, receive, send)
            return
        else:
            given[CALLER] = caller
        exceeded = await self._count(scope, caller)
        if exceeded is not None:
            await send_problem(_too_many(exceeded), scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _caller(self, scope: Scope) -> Caller | None:
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        if not values:
            return None
        scheme, _, token = values[0].decode("latin-1").partition(" ")
        if len(values) > 1 or scheme.lower() != "bearer":
            raise TokenInvalid("One header is needed: Authorization: Bearer and the token.")
        return await self.tokens.verify(token.strip())

    async def _count(self, scope: Scope, caller: Caller | None) -> Exceeded | None:
        if scope["path"].startswith(_UNLIMITED):
            return None
        if caller is None:
            return await self.address_limit.hit("address", _address(scope))
        # Another service asks for many users; it is trusted not to ask in vain.
        return None if Role.SERVICE in caller.roles else await self.user_limit.hit("user", caller.user_id)


def _address(scope: Scope) -> str:
    """Whom an address stands for: with IPv6 one customer has a whole network of them."""
    client = scope.get("client")
    host = client[0] if client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return f"{int(address) >> _IPV6_NETWORK_BITS:x}"
    return str(address)


def _too_many(exceeded: Exceeded) -> Problem:
    wait = exceeded.retry_after_seconds
    return Problem(
        code=Code.RATE_LIMITED,
        detail=f"{exceeded.limit} requests in {exceeded.window_seconds} s are allowed. Try again in {wait} s.",
        headers={
            "retry-after": str(wait),
            "ratelimit-limit": str(exceeded.limit),
            "ratelimit-remaining": "0",
            "ratelimit-reset": str(wait),
            "ratelimit-policy": f"{exceeded.limit};w={exceeded.window_seconds}",
        },
    )
