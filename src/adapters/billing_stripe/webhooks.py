"""Webhooks: what Stripe posts is verified over its raw bytes before anything reads it.

The check is Stripe's scheme v1: the header ``t=<unix seconds>,v1=<hex>[,v1=…]``, each ``v1`` the
HMAC-SHA256 of ``<t>.<body>`` under a whole ``whsec_…`` secret. It is written out here because the SDK's own
reads the clock itself, accepts any time in the future, and fails on odd bytes with more than it says;
a test holds the two together.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec
from attrs import frozen

from billing_core.domain.errors import InvalidValue, SignatureInvalid
from billing_core.domain.received import Delivery
from billing_stripe.facts import Json, Unreadable, fact_of_event

__all__ = ["TOLERANCE_SECONDS", "StripeWebhookVerifier"]

#: How old, or how far ahead, a signature may be (domain rule 2).
TOLERANCE_SECONDS = 300

_V1_DIGITS = 64
_TIME_DIGITS_MAX = 12


@frozen
class _Signature:
    """A signature header, read."""

    at: str
    v1: tuple[bytes, ...]

    @classmethod
    def of(cls, header: str) -> _Signature:
        pairs = [part.strip().partition("=")[::2] for part in header.split(",")]
        times = [value for name, value in pairs if name == "t"]
        v1 = [value for name, value in pairs if name == "v1"]
        if len(times) != 1 or not _is_number(times[0]):
            raise SignatureInvalid("The Stripe-Signature header has no single time t=… in it.")
        if not v1:
            raise SignatureInvalid("The Stripe-Signature header has no signature v1=… in it.")
        return cls(times[0], tuple(value.encode() for value in v1 if value.isascii() and len(value) == _V1_DIGITS))


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= _TIME_DIGITS_MAX


class StripeWebhookVerifier:
    """Reads what Stripe's webhooks bring (`billing_core.ports.provider.WebhookVerifier`).

    ``secrets`` are the endpoint's signing secrets, several while one is being rolled. ``livemode`` is the
    mode of our key and ``account`` the id of our own account (``acct_…``), where it is known: what is of
    another mode or account does not concern us.
    """

    def __init__(self, secrets: Sequence[str], *, livemode: bool, account: str | None = None) -> None:
        if not secrets or any(not secret.strip() for secret in secrets):
            raise InvalidValue(
                "At least one webhook signing secret is needed, such as whsec_…", field="STRIPE_WEBHOOK_SECRET"
            )
        self._secrets = tuple(secret.strip().encode() for secret in secrets)
        self._livemode = livemode
        self._account = account

    def read(self, payload: bytes, signature: str, now: datetime) -> Delivery:
        """The event in ``payload``; see the port. ``now`` is real time, in UTC."""
        self._verify(payload, signature, now)
        try:
            return self._delivery(Json(msgspec.json.decode(payload, type=dict[str, object]), "event"), payload)
        except Unreadable as error:
            raise SignatureInvalid(
                f"The webhook's body is signed, but it is no event that can be read: {error}"
            ) from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise SignatureInvalid("The webhook is signed, but it is not the JSON of an event.") from error

    def _verify(self, payload: bytes, header: str, now: datetime) -> None:
        signature = _Signature.of(header)
        if not self._signed_by_us(signature, payload):
            raise SignatureInvalid
        seconds_old = now.timestamp() - int(signature.at)
        if abs(seconds_old) > TOLERANCE_SECONDS:
            raise SignatureInvalid(
                f"The webhook was signed {abs(seconds_old):.0f} s {'ago' if seconds_old > 0 else 'ahead'};"
                f" {TOLERANCE_SECONDS} s are allowed. Check this machine's clock."
            )

    def _signed_by_us(self, signature: _Signature, payload: bytes) -> bool:
        signed = signature.at.encode() + b"." + payload
        return any(hmac.compare_digest(one, given) for one in self._expected(signed) for given in signature.v1)

    def _expected(self, signed: bytes) -> Iterator[bytes]:
        return (hmac.new(secret, signed, hashlib.sha256).hexdigest().encode() for secret in self._secrets)

    def _delivery(self, event: Json, payload: bytes) -> Delivery:
        thin = event.raw("object") == "v2.core.event"
        ignored = "A thin event tells nothing about an object." if thin else self._foreign(event)
        event_id, event_type = event.need_identity(), event.need_text("type")
        created = _thin_time(event) if thin else event.need_time("created")
        fact = None
        if ignored is None:
            data = event.hash("data")
            body, previous = data.hash("object"), data.hash("previous_attributes")
            if not body.fields:
                raise Unreadable("event.data.object is missing.")
            fact = fact_of_event(event_id, event_type, created, body.fields, previous.fields)
        account = event.identity("account") or ""
        return Delivery(
            event_id=event_id,
            type=event_type,
            account="" if account == self._account else account,
            livemode=self._livemode if thin and not event.has("livemode") else event.flag("livemode"),
            api_version=event.text("api_version"),
            created=created,
            fact=fact,
            payload=payload,
            ignored=ignored,
        )

    def _foreign(self, event: Json) -> str | None:
        """Why an event is none of ours; None where it is."""
        if event.flag("livemode") is not self._livemode:
            return f"The event is of {'live' if event.flag('livemode') else 'test'} mode, our key is not."
        account = event.identity("account")
        if account is not None and account != self._account:
            return f"The event is about another account, {account}."
        return None


def _thin_time(event: Json) -> datetime:
    try:
        return datetime.fromisoformat(event.need_text("created")).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError) as error:
        raise Unreadable("event.created should be a time.") from error
