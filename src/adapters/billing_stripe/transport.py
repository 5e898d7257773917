"""The transport: the SDK's aiohttp client, which also gives its connection back where an answer breaks off."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
import stripe

__all__ = ["Transport"]

_CONNECT_SECONDS = 5.0


class Transport(stripe.AIOHTTPClient):
    """Sends requests to Stripe; each may take ``timeout_seconds`` as a whole, its connection five.

    The SDK's own reads an answer outside of its handling of errors: one that breaks off comes as it is, is
    not asked for again, and leaves the connection open.
    """

    def __init__(self, timeout_seconds: float = 20.0) -> None:
        super().__init__(timeout=aiohttp.ClientTimeout(total=timeout_seconds, connect=_CONNECT_SECONDS))

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """The body, status and headers of the whole answer. Raises `stripe.APIConnectionError`."""
        arguments, options = self._get_request_args_kwargs(method, url, headers, post_data)
        try:
            async with self._session.request(*arguments, **options) as answer:
                return await answer.read(), answer.status, answer.headers
        except (aiohttp.ClientError, OSError, ValueError) as error:
            self._handle_request_error(error)
