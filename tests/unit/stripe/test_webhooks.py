"""Webhooks: what is signed by Stripe is read, and nothing else is."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from billing_core.domain.errors import InvalidValue, SignatureInvalid
from billing_core.domain.facts import Fact, ObjectKind, SubscriptionSeen
from billing_core.domain.received import Delivery, Received, ReceivedState
from billing_core.ports.provider import WebhookVerifier
from billing_stripe.facts import tamed
from billing_stripe.webhooks import StripeWebhookVerifier
from tests.unit.stripe import stripe_json as make

SECRET = "whsec_present"
NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


def verifier(*secrets: str, livemode: bool = False, account: str | None = "acct_ours") -> StripeWebhookVerifier:
    return StripeWebhookVerifier(secrets or (SECRET,), livemode=livemode, account=account)


def signed(body: bytes, secret: str = SECRET, at: datetime = NOW) -> str:
    """A header as the SDK makes it: Stripe's own reading of Stripe's scheme."""
    return str(stripe.WebhookSignature.generate_signature_header(body.decode(), secret, int(at.timestamp())))


def encoded(event: dict[str, Any]) -> bytes:
    return json.dumps(event, indent=2).encode()


EVENT = encoded(make.event("customer.subscription.updated", make.subscription(), {"status": "trialing"}))


def test_a_signed_event_is_read() -> None:
    reader: WebhookVerifier = verifier()
    delivery = reader.read(EVENT, signed(EVENT), NOW)

    assert (delivery.event_id, delivery.type, delivery.account) == ("evt_1", "customer.subscription.updated", "")
    assert (delivery.livemode, delivery.api_version) == (False, "2026-10-28.endive")
    assert delivery.created == datetime.fromtimestamp(make.START, UTC)
    assert (delivery.ignored, delivery.payload) == (None, EVENT)
    assert delivery.fact is not None
    assert (delivery.fact.kind, delivery.fact.id) == (ObjectKind.SUBSCRIPTION, "evt_1")
    assert getattr(delivery.fact.before, "status", None) == "trialing"


def test_while_a_secret_is_rolled_either_signs() -> None:
    both = verifier("whsec_old", "whsec_new")

    assert both.read(EVENT, signed(EVENT, "whsec_old"), NOW) == both.read(EVENT, signed(EVENT, "whsec_new"), NOW)


def test_one_good_signature_among_several_is_enough() -> None:
    old, new = signed(EVENT, "whsec_old"), signed(EVENT)
    header = f"{old},{new.partition(',')[2]},v0=abc"

    assert verifier().read(EVENT, header, NOW).event_id == "evt_1"


@pytest.mark.parametrize("seconds", [-300, -1, 0, 299, 300])
def test_a_signature_within_five_minutes_is_taken(seconds: int) -> None:
    assert verifier().read(EVENT, signed(EVENT, at=NOW + timedelta(seconds=seconds)), NOW).event_id == "evt_1"


@pytest.mark.parametrize("seconds", [-86_400, -301, 301, 86_400])
def test_a_signature_further_away_is_refused_past_and_future(seconds: int) -> None:
    with pytest.raises(SignatureInvalid, match="clock"):
        verifier().read(EVENT, signed(EVENT, at=NOW + timedelta(seconds=seconds)), NOW)


GOOD = signed(EVENT)
AT, V1 = GOOD.split(",")


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("", id="none"),
        pytest.param("nonsense", id="nonsense"),
        pytest.param(V1, id="no-time"),
        pytest.param(AT, id="no-signature"),
        pytest.param(f"{AT},{AT},{V1}", id="two-times"),
        pytest.param(f"t=+{AT[2:]},{V1}", id="a-signed-time"),
        pytest.param(f"t={AT[2:]}.0,{V1}", id="a-fraction"),
        pytest.param(f"t=٣٤,{V1}", id="digits-of-another-script"),
        pytest.param(f"t={'9' * 400},{V1}", id="an-endless-time"),
        pytest.param(f"t=,{V1}", id="an-empty-time"),
        pytest.param(f"t=0,{V1}", id="another-time"),
        pytest.param(GOOD.upper(), id="upper-case"),
        pytest.param(f"{AT},v0={V1[3:]}", id="another-scheme"),
        pytest.param(f"{AT},v1=", id="an-empty-signature"),
        pytest.param(f"{AT},v1={'é' * 64}", id="no-ascii"),
        pytest.param(f"{AT},v1={'0' * 64}", id="a-wrong-signature"),
        pytest.param(f"{AT},{V1[:-1]}", id="a-short-signature"),
        pytest.param(signed(EVENT, "whsec_other"), id="another-secret"),
        pytest.param(signed(EVENT + b" "), id="another-body"),
    ],
)
def test_any_other_header_is_refused(header: str) -> None:
    with pytest.raises(SignatureInvalid) as refused:
        verifier().read(EVENT, header, NOW)

    assert SECRET not in refused.value.message


def test_the_body_is_verified_as_it_came_and_not_as_it_could_be_written() -> None:
    with pytest.raises(SignatureInvalid):
        verifier().read(json.dumps(json.loads(EVENT)).encode(), signed(EVENT), NOW)


def with_hmac(body: bytes) -> str:
    """A valid header for bytes that are no text, which the SDK cannot sign."""
    at = int(NOW.timestamp())
    return f"t={at},v1={hmac.new(SECRET.encode(), b'%d.' % at + body, hashlib.sha256).hexdigest()}"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe", id="no-utf-8"),
        pytest.param(b"not json", id="no-json"),
        pytest.param(b"[]", id="a-list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{}", id="an-empty-hash"),
        pytest.param(b"[" * 100_000, id="bottomless"),
        pytest.param(b'{"a":' * 2000 + b"1" + b"}" * 2000, id="too-deep"),
        pytest.param(b'{"id":"evt_1","type":"x","created":01}', id="a-number-that-is-none"),
        pytest.param(b'{"id":"evt_1","type":"x"', id="half-of-one"),
        pytest.param(encoded(make.event("customer.created", make.customer()) | {"id": None}), id="no-id"),
        pytest.param(encoded(make.event("customer.created", make.customer()) | {"type": 7}), id="no-type"),
    ],
)
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(SignatureInvalid, match="signed"):
        verifier().read(body, with_hmac(body), NOW)


def readable(event: Any) -> Delivery:  # noqa: ANN401 - JSON
    body = event if isinstance(event, bytes) else encoded(event)
    delivery = verifier().read(body, with_hmac(body), NOW)
    assert delivery.payload == body
    assert verifier().read_again(body) == delivery
    return delivery


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(make.event("customer.created", {}), id="no-object"),
        pytest.param(make.event("customer.created", make.customer()) | {"created": "now"}, id="no-time"),
        pytest.param(make.event("customer.created", make.customer()) | {"data": []}, id="no-data"),
        pytest.param(make.event("customer.created", make.customer()) | {"livemode": "no"}, id="no-mode"),
        pytest.param(make.event("customer.created", make.customer()) | {"account": 7}, id="no-account"),
        pytest.param(make.event("customer.created", make.charge()), id="of-another-kind"),
        pytest.param(make.event("charge.updated", make.charge(amount=1.5)), id="half-a-cent"),
        pytest.param(make.event("charge.updated", make.charge(amount=10**16)), id="more-money-than-there-is"),
        pytest.param({"id": "evt_1", "object": "v2.core.event", "type": "x", "created": "soon"}, id="thin"),
    ],
)
def test_an_event_that_cannot_be_read_is_kept_for_when_it_can(event: dict[str, object]) -> None:
    """Stripe would send it for three days, and then never again: a person looks at it, and replays it."""
    delivery = readable(event)
    assert (delivery.event_id, delivery.type, delivery.fact) == (event["id"], event["type"], None)
    assert (delivery.unreadable or "").startswith("The event cannot be read: ")
    received = Received.of(delivery, NOW)
    assert (received.state, received.error) == (ReceivedState.DEAD, delivery.unreadable)


def test_a_mistake_of_ours_in_reading_an_event_loses_nothing() -> None:
    """Here: an update that nests deeper than our merging of it goes."""
    deep: dict[str, object] = {}
    for _ in range(98):
        deep = {"a": deep}
    event = make.event("charge.updated", make.charge(a=deep), {"a": deep})
    assert readable(event).unreadable is None


# --------------------------------------------------------------------------------- what no database takes as it is
def test_a_nul_in_an_id_is_kept_as_its_picture_wherever_it_stands() -> None:
    """No text column of PostgreSQL holds it, and two objects that name each other must go on doing so."""
    body = make.event("customer.subscription.created", make.subscription(id="sub_\0", customer="cus\n\0"))
    delivery = readable(body | {"id": "evt_\0"})
    assert delivery.event_id == "evt_\u2400"
    assert isinstance(delivery.fact, Fact)
    assert isinstance(delivery.fact.after, SubscriptionSeen)
    assert (delivery.fact.after.id, delivery.fact.after.customer_id) == ("sub_\u2400", "cus\u240a\u2400")
    invoice = readable(make.event("invoice.paid", make.invoice(customer={"id": "cus\n\0"})))
    assert isinstance(invoice.fact, Fact)
    assert invoice.fact.customer_id == delivery.fact.customer_id


def test_an_id_that_cannot_be_one_still_names_its_event() -> None:
    """Of a megabyte, or of what cannot be printed: the same each time, and another one for another id."""
    event = make.event("customer.created", make.customer())
    ids = {readable(event | {"id": identity}).event_id for identity in ("x" * 10**6, "x" * 10**6 + "y", "\u202e")}
    assert len(ids) == 3
    assert all(len(identity) == len("sha256:") + 64 for identity in ids)


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(rb'"\ud800"', id="half-a-pair"),
        pytest.param(rb'"\\\udc00"', id="the-other-half"),
        pytest.param(rb'"\ud83d\ude00 \ud83d"', id="a-pair-and-a-half"),
        pytest.param(b"1e999", id="an-endless-number"),
        pytest.param(b"9" * 5000, id="many-digits"),
        pytest.param(b"[" * 50_000 + b"]" * 50_000, id="many-brackets"),
        pytest.param(b'{"a":' * 5_000 + b'"]}"' + b"}" * 5_000, id="many-hashes"),
        pytest.param(b'"' + b"x" * 10**6 + b'"', id="a-megabyte"),
    ],
)
def test_what_no_reader_takes_does_not_keep_the_rest_from_being_read(odd: bytes) -> None:
    body = encoded(make.event("customer.created", make.customer(description="HERE"))).replace(b'"HERE"', odd)
    delivery = readable(body)
    assert delivery.unreadable is None
    assert delivery.fact is not None
    assert delivery.fact.customer_id == "cus_ada"


def test_taming_changes_nothing_that_is_tame() -> None:
    body = encoded(make.event("charge.updated", make.charge(description=r"\\ud800 \u0000 \ud83d\ude00 [{ \"]")))
    assert json.loads(tamed(body)) == json.loads(body)


@given(body=st.binary(max_size=200), header=st.text(max_size=120))
def test_whatever_anybody_sends_is_refused_and_never_a_crash(body: bytes, header: str) -> None:
    with pytest.raises(SignatureInvalid):
        verifier().read(body, header, NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*make.charge()]), inner, max_size=6),
    max_leaves=12,
)


@given(body=JSON, previous=JSON)
def test_a_signed_event_about_anything_is_read_or_kept(body: object, previous: object) -> None:
    event = {**make.event("charge.updated", {}), "data": {"object": body, "previous_attributes": previous}}
    payload = encoded(event)

    assert verifier().read(payload, signed(payload), NOW).unreadable


def test_an_event_that_tells_us_nothing_is_a_delivery_without_a_fact() -> None:
    body = encoded(make.event("payout.paid", {"object": "payout"}))
    delivery = verifier().read(body, signed(body), NOW)

    assert (delivery.fact, delivery.ignored) == (None, None)


def test_the_preview_of_an_invoice_that_has_no_id_tells_us_nothing() -> None:
    upcoming = {name: value for name, value in make.invoice().items() if name != "id"}
    body = encoded(make.event("invoice.upcoming", upcoming))

    assert verifier().read(body, signed(body), NOW).fact is None


@pytest.mark.parametrize(("ours", "theirs"), [(False, True), (True, False)])
def test_an_event_of_the_other_mode_is_ignored(*, ours: bool, theirs: bool) -> None:
    body = encoded(make.event("customer.created", make.customer(), livemode=theirs))
    delivery = verifier(livemode=ours).read(body, signed(body), NOW)

    assert delivery.ignored is not None
    assert (delivery.fact, delivery.livemode) == (None, theirs)


def test_an_event_about_another_account_is_ignored() -> None:
    body = encoded(make.event("customer.created", make.customer(), account="acct_theirs"))
    delivery = verifier().read(body, signed(body), NOW)

    assert delivery.ignored == "The event is about another account, acct_theirs."
    assert (delivery.fact, delivery.account) == (None, "acct_theirs")


def test_an_event_that_names_our_account_is_the_one_that_names_none() -> None:
    body = encoded(make.event("customer.created", make.customer(), account="acct_ours"))
    delivery = verifier().read(body, signed(body), NOW)

    assert (delivery.ignored, delivery.account) == (None, "")
    assert delivery.fact is not None


def test_a_thin_event_is_ignored() -> None:
    body = encoded({
        "id": "evt_v2",
        "object": "v2.core.event",
        "type": "v1.billing.meter.error_report_triggered",
        "created": "2026-11-22T11:59:58.123Z",
    })  # fmt: skip
    delivery = verifier().read(body, signed(body), NOW)

    assert delivery.ignored == "A thin event tells nothing about an object."
    assert (delivery.event_id, delivery.created) == ("evt_v2", datetime(2026, 11, 22, 11, 59, 58, tzinfo=UTC))


@pytest.mark.parametrize("secrets", [(), ("",), ("whsec_1", " ")])
def test_without_a_secret_nothing_can_be_verified(secrets: tuple[str, ...]) -> None:
    with pytest.raises(InvalidValue, match="signing secret"):
        StripeWebhookVerifier(secrets, livemode=False)
