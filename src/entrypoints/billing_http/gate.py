"""The gate: who is asking, and whether they ask too often. Everything passes it before it is routed."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Any

from attrs import frozen
from litestar.types import ASGIApp, Receive, Scope, Send

from billing_core.domain.callers import Caller, Role
from billing_core.ports.rate_limits import Allowance, RateLimiter
from billing_http.answering import send_problem
from billing_http.operations import CALLER, LIMIT_HEADERS
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
        allowance = await self._count(scope, caller)
        if allowance is not None:
            given[LIMIT_HEADERS] = _headers(allowance)
            if not allowance.allowed:
                await send_problem(_too_many(allowance), scope, receive, send)
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

    async def _count(self, scope: Scope, caller: Caller | None) -> Allowance | None:
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


def _headers(allowance: Allowance) -> list[tuple[bytes, bytes]]:
    """What a client may know of its limit, by the names of the IETF's draft on them."""
    return [
        (b"ratelimit-limit", b"%d" % allowance.limit),
        (b"ratelimit-remaining", b"%d" % allowance.remaining),
        (b"ratelimit-reset", b"%d" % allowance.reset_seconds),
        (b"ratelimit-policy", b"%d;w=%d" % (allowance.limit, allowance.window_seconds)),
    ]


def _too_many(allowance: Allowance) -> Problem:
    wait = allowance.reset_seconds
    return Problem(
        code=Code.RATE_LIMITED,
        detail=f"{allowance.limit} requests in {allowance.window_seconds} s are allowed. Try again in {wait} s.",
        headers={"retry-after": str(wait)},
    )
