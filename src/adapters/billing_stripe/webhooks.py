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
from billing_stripe.facts import NEVER_TOLD, Json, Unreadable, fact_of_event, tamed

__all__ = ["TOLERANCE_SECONDS", "StripeWebhookVerifier"]

#: How old, or how far ahead, a signature may be (domain rule 2).
TOLERANCE_SECONDS = 300

_V1_DIGITS = 64
_TIME_DIGITS_MAX = 12
_TYPE_LENGTH_MAX = 255
_REASON_LENGTH_MAX = 500
_NOT_TAKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


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
        return self.read_again(payload)

    def read_again(self, payload: bytes) -> Delivery:
        """The event in ``payload``, which was verified; see the port."""
        event = Json(_decoded(payload), "event")
        event_id, event_type = _event_id(event), _event_type(event)
        try:
            return self._delivery(event, event_id, event_type, payload)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in reading it, no event may be lost
            why = str(error) if isinstance(error, Unreadable) else f"{type(error).__name__}: {error}"
        return Delivery(
            event_id=event_id,
            type=event_type,
            livemode=self._livemode,
            created=_created_or_never(event),
            fact=None,
            payload=payload,
            unreadable=f"The event cannot be read: {why[:_REASON_LENGTH_MAX]}",
        )

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
        return (hmac.digest(secret, signed, "sha256").hex().encode() for secret in self._secrets)

    def _delivery(self, event: Json, event_id: str, event_type: str, payload: bytes) -> Delivery:
        thin = event.raw("object") == "v2.core.event"
        ignored = "A thin event tells nothing about an object." if thin else self._foreign(event)
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
            api_version=event.text("api_version") if isinstance(event.raw("api_version"), str) else None,
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


def _decoded(payload: bytes) -> dict[str, object]:
    """The hash in a body. Raises `SignatureInvalid` where it is none."""
    try:
        return msgspec.json.decode(payload, type=dict[str, object])
    except _NOT_TAKEN:
        pass
    try:
        return msgspec.json.decode(tamed(payload), type=dict[str, object])
    except _NOT_TAKEN as error:
        raise SignatureInvalid("The webhook is signed, but it is not the JSON of an event.") from error


def _event_id(event: Json) -> str:
    """The event's id; of one that is too long or too odd to be stored as it is, a digest that stays the same."""
    given = event.raw("id")
    if not isinstance(given, str) or not given:
        raise SignatureInvalid("The webhook's body is signed, but it is no event: it has no id.")
    try:
        return event.need_identity()
    except Unreadable:
        return f"sha256:{hashlib.sha256(given.encode()).hexdigest()}"


def _event_type(event: Json) -> str:
    given = event.raw("type")
    if not isinstance(given, str) or not given:
        raise SignatureInvalid("The webhook's body is signed, but it is no event: it has no type.")
    return (event.text("type") or "unnamed")[:_TYPE_LENGTH_MAX]


def _created_or_never(event: Json) -> datetime:
    try:
        return event.time("created") or NEVER_TOLD
    except Unreadable:
        return NEVER_TOLD


def _thin_time(event: Json) -> datetime:
    try:
        return datetime.fromisoformat(event.need_text("created")).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError) as error:
        raise Unreadable("event.created should be a time.") from error
