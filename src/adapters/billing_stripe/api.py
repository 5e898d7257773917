"""The connection to Stripe: the SDK's client with timeouts, a pinned API version and errors of ours.

A request that changes something is sent once: whether it may be sent again is decided by whoever keeps the
operation, under the same idempotency key. A request that only asks is sent up to three times.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final

import stripe
from attrs import frozen

from billing_core.domain.errors import ProviderUnavailable
from billing_stripe.breaker import Breaker
from billing_stripe.errors import answers_of, asking, changing, is_throttled
from billing_stripe.exchanges import Watch
from billing_stripe.facts import Json, Unreadable
from billing_stripe.keys import is_live
from billing_stripe.pacing import TRIES, Pace
from billing_stripe.permissions import Permission
from billing_stripe.transport import Transport

__all__ = ["API_VERSION", "Call", "Reply", "StripeApi"]

#: What every request is made in and every webhook endpoint of ours is pinned to; the SDK's own.
API_VERSION: Final = "2026-10-28.endive"

_PAGE = 100
_CLOCKS_REMEMBERED_MAX = 10_000


#: A method of the SDK with its parameters, waiting for the options.
Call = Callable[[stripe.RequestOptions], Awaitable[stripe.StripeObject]]
#: A method of the SDK that lists: it takes the parameters, which each list has its own type for, and the options.
ListMethod = Callable[[Any, stripe.RequestOptions], Awaitable[stripe.StripeObject]]


@frozen(kw_only=True)
class Reply:
    """What Stripe answered."""

    #: The object as plain JSON.
    body: Mapping[str, object]
    #: The answer's ``Date``: UTC, whole seconds.
    at: datetime
    #: Whether it is the first answer to this idempotency key, given once more: then the object may have moved on.
    replayed: bool = False

    @property
    def json(self) -> Json:
        """The object, to be read."""
        return Json(self.body, str(self.body.get("object", "answer")))


class StripeApi:
    """One connection to one account of Stripe's. Opens no socket before the first request; `close` it at the end.

    ``api_key`` is a secret (``sk_…``) or restricted key (``rk_…``), ``base_url`` another address than Stripe's,
    ``timeout_seconds`` how long one request may take, ``watch`` what surrounds each request. ``http_client``
    replaces the `Transport`. With a ``pace``, questions keep to it and are asked again where Stripe says that they
    come too fast; nobody waits for those, so no breaker guards them.
    """

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str | None = None,
        timeout_seconds: float = 20.0,
        watch: Watch | None = None,
        http_client: stripe.HTTPClient | None = None,
        pace: Pace | None = None,
    ) -> None:
        # It would write a file into the home directory and tell Stripe about this machine, for each process.
        stripe.enable_telemetry = False
        self._http = http_client or Transport(timeout_seconds, watch)
        self._breaker = Breaker()
        self._pace = pace
        self._clocks: dict[str, str | None] = {}
        #: Whether the key is of live mode.
        self.livemode = is_live(api_key)
        #: The SDK's client, whose methods make the calls.
        self.client = stripe.StripeClient(
            api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": base_url.rstrip("/")} if base_url else None,
            max_network_retries=0,
            http_client=self._http,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close_async()  # type: ignore[no-untyped-call] # the SDK leaves it untyped

    async def change(self, call: Call, *, key: str | None, needs: Permission) -> Reply:
        """Make a request that changes something, under the idempotency key ``key``: sent once.

        None is for what only sets a state, so that doing it twice does no harm and doing it *again* must not
        be answered from memory. Raises `ProviderRefused`, `ProviderUnavailable` or `OutcomeUnknown`.
        """
        with self._breaker.guarding(), changing(), answers_of(needs):
            return _reply(await call({"idempotency_key": key} if key else {}))

    async def ask(self, call: Call, *, needs: Permission) -> Reply:
        """Make a request that changes nothing. Raises `ProviderRefused` or `ProviderUnavailable`."""
        if self._pace is None:
            with self._breaker.guarding():
                return await self._asked(call, needs)
        for attempt in range(TRIES - 1):
            await self._pace.turn()
            try:
                return await self._asked(call, needs)
            except ProviderUnavailable as error:
                if not is_throttled(error):
                    raise
            await self._pace.give_way(attempt)
        return await self._asked(call, needs)

    async def _asked(self, call: Call, needs: Permission) -> Reply:
        with asking(), answers_of(needs):
            return _reply(await call({"max_network_retries": 2}))

    async def rows(
        self, method: ListMethod, params: Mapping[str, object], *, needs: Permission
    ) -> AsyncIterator[Reply]:
        """Every member of a list, newest first, page by page. Raises what `ask` raises, and `Unreadable`."""
        page_of = {**params, "limit": _PAGE}
        while True:
            page = await self.ask(partial(method, dict(page_of)), needs=needs)
            rows = page.json.rows("data")
            for row in rows:
                yield Reply(body=row.fields, at=page.at)
            if not rows or not page.json.flag("has_more"):
                return
            page_of["starting_after"] = rows[-1].need_identity()

    async def moment_of(self, reply: Reply) -> datetime:
        """The time at which the object was as ``reply`` says: that of its test clock, where it lives by one.

        Raises what `ask` raises, and `Unreadable`.
        """
        if self.livemode:
            return reply.at
        clock_id = reply.json.identity("test_clock") or await self._clock_of(reply.json.identity("customer"))
        if clock_id is None:
            return reply.at
        clock = await self.ask(
            lambda options: self.client.v1.test_helpers.test_clocks.retrieve_async(clock_id, {}, options),
            needs=Permission.TEST_CLOCKS_READ,
        )
        return clock.json.need_time("frozen_time")

    async def _clock_of(self, customer_id: str | None) -> str | None:
        """The test clock of a customer, which never changes."""
        if customer_id is None:
            return None
        if customer_id not in self._clocks:
            if len(self._clocks) >= _CLOCKS_REMEMBERED_MAX:
                self._clocks.clear()
            customer = await self.ask(
                lambda options: self.client.v1.customers.retrieve_async(customer_id, {}, options),
                needs=Permission.CUSTOMERS_READ,
            )
            self._clocks[customer_id] = customer.json.identity("test_clock")
        return self._clocks[customer_id]


def _reply(answer: stripe.StripeObject) -> Reply:
    response = answer.last_response if isinstance(answer, stripe.StripeObject) else None
    if response is None or not isinstance(response.data, dict):
        raise Unreadable("it is no object.")
    headers = response.headers
    return Reply(
        body=response.data,
        at=_date(headers.get("Date", "")),
        replayed=headers.get("Idempotent-Replayed", "").lower() == "true",
    )


def _date(header: str) -> datetime:
    try:
        return parsedate_to_datetime(header).astimezone(UTC)
    except ValueError as error:
        raise Unreadable(f"its Date is {header!r}.") from error
