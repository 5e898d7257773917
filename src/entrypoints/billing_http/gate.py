"""The gate: who is asking, and whether they ask too often. Everything passes it before it is routed."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Any

from attrs import frozen
from litestar.types import ASGIApp, Receive, Scope, Send

from billing_core.domain.callers import Caller, Role
from billing_http.allowing import Allowing
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
    of_users: Allowing
    of_addresses: Allowing

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
        if scope["path"].startswith(_UNLIMITED):
            await self.app(scope, receive, send)
        elif caller is None:
            await self.of_addresses(_address(scope), scope, receive, send)
        elif Role.SERVICE in caller.roles:  # it asks for many users, and is trusted not to ask in vain
            await self.app(scope, receive, send)
        else:
            await self.of_users(caller.user_id, scope, receive, send)

    async def _caller(self, scope: Scope) -> Caller | None:
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        if not values:
            return None
        scheme, _, token = values[0].decode("latin-1").partition(" ")
        if len(values) > 1 or scheme.lower() != "bearer":
            raise TokenInvalid("One header is needed: Authorization: Bearer and the token.")
        return await self.tokens.verify(token.strip())


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
