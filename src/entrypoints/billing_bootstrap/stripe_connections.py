"""The connections to Stripe of one process, opened when they are first used: many a process never calls Stripe."""

from __future__ import annotations

from functools import cached_property

from attrs import define, field

import billing_stripe  # by name alone: what calls Stripe is imported when it is asked for
from billing_bootstrap.metrics import Metrics
from billing_bootstrap.settings import Settings
from billing_bootstrap.spans import Spans
from billing_bootstrap.watching import counting_exchanges

__all__ = ["StripeConnections"]


@define(eq=False)
class StripeConnections:
    """Two connections to one account: for what somebody waits for, and for what has patience."""

    _settings: Settings
    _metrics: Metrics
    _spans: Spans | None
    _opened: list[billing_stripe.StripeApi] = field(factory=list, init=False)

    @cached_property
    def prompt(self) -> billing_stripe.StripeApi:
        """For what somebody waits for."""
        return self._open()

    @cached_property
    def patient(self) -> billing_stripe.StripeApi:
        """For what nobody waits for: it stays under the provider's rate limit."""
        return self._open(billing_stripe.Pace(self._settings.reconcile_requests_per_second))

    async def close(self) -> None:
        """Close what was opened."""
        for connection in self._opened:
            await connection.close()

    def _open(self, pace: billing_stripe.Pace | None = None) -> billing_stripe.StripeApi:
        opened = billing_stripe.StripeApi(
            self._settings.stripe_secret_key,
            base_url=self._settings.stripe_api_base,
            timeout_seconds=self._settings.stripe_timeout_seconds,
            watch=counting_exchanges(self._metrics, self._spans),
            pace=pace,
        )
        self._opened.append(opened)
        return opened
