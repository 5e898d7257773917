"""What goes wrong with a request, in our words: refused, surely without effect, or of unknown outcome."""

import json
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
import stripe
from aiohttp.client_reqrep import ConnectionKey

from billing_core.domain.errors import OutcomeUnknown, ProviderError, ProviderRefused, ProviderUnavailable
from billing_core.domain.facts import InvoiceSeen, ObjectKind, ObjectRef
from billing_core.domain.money import Money
from billing_core.domain.operations import (
    CancelSubscription,
    ChangePlan,
    Command,
    CreateCustomer,
    Operation,
    RefundPayment,
    UndoCancel,
)
from billing_stripe import StripeApi, StripeLookup, StripeProvider
from tests.unit.stripe import stripe_json as make
from tests.unit.stripe.scripted import DATE, Said, Script, listed, ok, refusal

KEY = "rk_test_51NobodyMayEverSeeThis"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CUSTOMER = ObjectRef(ObjectKind.CUSTOMER, "cus_ada")


def operation(command: Command | None = None) -> Operation:
    return Operation(
        id="op1",
        user_id="ada",
        command=command or CreateCustomer(user_id="ada"),
        actor="ada",
        created_at=NOW,
        next_attempt_at=NOW + timedelta(minutes=1),
    )


def provider(script: Script) -> StripeProvider:
    return StripeProvider(StripeApi(KEY, http_client=script))


def lookup(script: Script) -> StripeLookup:
    return StripeLookup(StripeApi(KEY, http_client=script))


async def error_of(answer: Said | Exception, command: Command | None = None) -> ProviderError:
    with pytest.raises(ProviderError) as raised:
        await provider(Script(answer)).execute(operation(command))
    return raised.value


def unsent(cause: Exception) -> stripe.APIConnectionError:
    """A failure of the connection as the SDK wraps it."""
    error = stripe.APIConnectionError("No luck.", should_retry=True)  # type: ignore[no-untyped-call] # as in the SDK
    error.__cause__ = cause
    return error


def refused_connection() -> aiohttp.ClientConnectorError:
    key = ConnectionKey("localhost", 1, is_ssl=False, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None)
    return aiohttp.ClientConnectorError(key, ConnectionRefusedError())


@pytest.mark.parametrize(
    ("answer", "code", "decline_code"),
    [
        pytest.param(
            refusal(402, type="card_error", code="card_declined", decline_code="insufficient_funds"),
            "card_declined",
            "insufficient_funds",
            id="declined",
        ),
        pytest.param(refusal(402, type="card_error"), "card_error", None, id="declined-without-a-code"),
        pytest.param(
            refusal(400, type="invalid_request_error", code="charge_already_refunded"),
            "charge_already_refunded",
            None,
            id="invalid",
        ),
        pytest.param(refusal(400, type="invalid_request_error"), "invalid_request_error", None, id="invalid-no-code"),
        pytest.param(
            refusal(404, type="invalid_request_error", code="resource_missing"), "resource_missing", None, id="missing"
        ),
        pytest.param(refusal(400, type="idempotency_error"), "idempotency_error", None, id="key-used-otherwise"),
        pytest.param(refusal(401, type="invalid_request_error"), "authentication_error", None, id="wrong-key"),
        pytest.param(refusal(401, code="api_key_expired"), "api_key_expired", None, id="expired-key"),
        pytest.param(refusal(403, type="invalid_request_error"), "permission_error", None, id="no-permission"),
    ],
)
async def test_what_stripe_refuses_is_refused_with_its_code(answer: Said, code: str, decline_code: str | None) -> None:
    error = await error_of(answer)

    assert isinstance(error, ProviderRefused)
    assert (error.code, error.decline_code) == (code, decline_code)
    assert "req_7" in error.message


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(refusal(429, code="rate_limit"), id="too-many-requests"),
        pytest.param(refusal(429, code="lock_timeout"), id="locked"),
        pytest.param(refusal(400, code="rate_limit"), id="too-many-requests-as-it-was-told-before"),
        pytest.param(unsent(refused_connection()), id="connection-refused"),
        pytest.param(unsent(aiohttp.ConnectionTimeoutError()), id="no-connection-in-time"),
    ],
)
async def test_what_never_got_to_work_had_no_effect(answer: Said | Exception) -> None:
    assert isinstance(await error_of(answer), ProviderUnavailable)


@pytest.mark.parametrize(
    ("answer", "answered"),
    [
        pytest.param(refusal(500), True, id="stripe-failed"),
        pytest.param(refusal(503), True, id="stripe-is-out-of-order"),
        pytest.param(refusal(409, code="idempotency_key_in_use", type="idempotency_error"), False, id="under-way"),
        pytest.param(refusal(409), False, id="in-conflict"),
        pytest.param(Said(b"<html>Bad gateway</html>", 502, {"Date": DATE}), False, id="a-gateway-failed"),
        pytest.param(Said(b"{", 200, {"Date": DATE}), False, id="half-an-answer"),
        pytest.param(Said(b"[]", 200, {"Date": DATE}), False, id="no-object"),
        pytest.param(Said(b'{"object": "customer", "id": 7}', 200, {"Date": DATE}), False, id="no-id"),
        pytest.param(ok(make.charge()), False, id="of-another-kind"),
        pytest.param(Said(json.dumps(make.customer()).encode(), 200), False, id="without-a-date"),
        pytest.param(Said(json.dumps(make.customer()).encode(), 200, {"Date": "soon"}), False, id="a-strange-date"),
        pytest.param(unsent(aiohttp.ServerDisconnectedError()), False, id="cut-off"),
        pytest.param(unsent(ConnectionResetError()), False, id="reset"),
        pytest.param(unsent(TimeoutError()), False, id="no-answer-in-time"),
        pytest.param(TimeoutError(), False, id="no-whole-answer-in-time"),
        pytest.param(aiohttp.ClientPayloadError(), False, id="cut-off-in-the-answer"),
    ],
)
async def test_what_may_have_had_its_effect_is_unknown(answer: Said | Exception, *, answered: bool) -> None:
    error = await error_of(answer)

    assert isinstance(error, OutcomeUnknown)
    assert error.answered is answered


async def test_a_change_is_sent_once() -> None:
    """Whether it may be sent again is for the operation to say."""
    script = Script(refusal(500))

    with pytest.raises(OutcomeUnknown):
        await provider(script).execute(operation())

    assert [sent.key for sent in script.sent] == ["customer:op1:1"]


async def test_a_question_is_asked_three_times() -> None:
    fact = await lookup(Script(refusal(500), unsent(TimeoutError()), ok(make.customer()))).fetch(CUSTOMER)

    assert fact is not None
    assert fact.occurred_at == NOW


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([refusal(500)] * 3, id="failed"),
        pytest.param([unsent(refused_connection())] * 3, id="refused"),
        pytest.param([unsent(TimeoutError())] * 3, id="in-time"),
        pytest.param([TimeoutError()], id="half"),
        pytest.param([refusal(429)], id="too-many"),
        pytest.param([ok(make.charge())], id="of-another-kind"),
        pytest.param([Said(b"nonsense", 200, {"Date": DATE})], id="nonsense"),
    ],
)
async def test_a_question_without_an_answer_is_unavailable(answers: list[Said | Exception]) -> None:
    with pytest.raises(ProviderUnavailable):
        await lookup(Script(*answers)).fetch(CUSTOMER)


async def test_a_question_that_the_key_does_not_suffice_for_is_refused() -> None:
    with pytest.raises(ProviderRefused) as refused:
        await lookup(Script(refusal(403))).fetch(CUSTOMER)

    assert refused.value.code == "permission_error"


@pytest.mark.parametrize(
    ("command", "permission"),
    [
        (CreateCustomer(user_id="ada"), "Customers: write"),
        (RefundPayment(payment_intent_id="pi_1", amount=Money(1, "usd")), "Charges and Refunds: write"),
        (CancelSubscription(subscription_id="sub_1", at_period_end=False), "Subscriptions: write"),
    ],
)
async def test_a_missing_permission_is_named(command: Command, permission: str) -> None:
    said = f"The provided key '{KEY}' does not have the required permissions for this endpoint."
    error = await error_of(refusal(403, message=said), command)

    assert permission in error.message


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 429, 500])
async def test_no_message_holds_a_key(status: int) -> None:
    error = await error_of(refusal(status, message=f"Invalid API Key provided: {KEY}, whsec_abc, sk_live_***99"))

    assert not any(secret in error.message for secret in ("Nobody", "whsec_abc", "***99"))


async def test_what_stripe_says_of_a_card_is_handed_on() -> None:
    error = await error_of(refusal(402, type="card_error", code="card_declined", message="Your card was declined."))

    assert error.message == "Stripe says: Your card was declined. (request req_7)"


#: A cancellation of two steps, the first of which is done.
VOIDING = CancelSubscription(subscription_id="sub_1", at_period_end=False, void_invoice_id="in_1")
CANCELED = (ok(make.subscription(status="canceled")), ok(make.customer()))


@pytest.mark.parametrize("answer", [refusal(429), unsent(refused_connection())], ids=["too-many", "refused"])
async def test_once_something_was_changed_no_failure_is_without_effect(answer: Said | Exception) -> None:
    """Who is told that nothing happened may do something else instead."""
    with pytest.raises(OutcomeUnknown):
        await provider(Script(*CANCELED, answer)).execute(operation(VOIDING))


async def test_every_step_has_a_key_of_its_own_that_follows_from_the_operations() -> None:
    script = Script(*CANCELED, ok(make.invoice(status="void")))
    answer = await provider(script).execute(operation(VOIDING))

    assert [(sent.path, sent.key) for sent in script.sent if "Idempotency-Key" in sent.headers] == [
        ("/v1/subscriptions/sub_1", "cancel_subscription:op1:1"),
        ("/v1/invoices/in_1/void", "cancel_subscription:op1:1:void"),
    ]
    assert [fact.id for fact in answer.facts] == ["answer:op1:cancel_subscription:sub_1", "answer:op1:void:in_1"]


async def test_a_repeated_answer_is_taken_where_the_object_can_no_longer_be_had() -> None:
    repeated = ok(make.customer(), **{"Idempotent-Replayed": "true"})
    gone = refusal(404, code="resource_missing", type="invalid_request_error")
    answer = await provider(Script(repeated, gone)).execute(operation())

    assert answer.result_id == "cus_ada"


async def test_pages_of_a_list_follow_one_another() -> None:
    script = Script(
        listed({"id": "cus_3", "object": "customer"}, {"id": "cus_2", "object": "customer"}, more=True),
        listed(make.customer(id="cus_1", metadata={"operation_id": "op1"})),
    )
    found = await lookup(script).effect_of(operation())

    assert found is not None
    assert found.result_id == "cus_1"
    assert [sent.params.get("starting_after") for sent in script.sent] == [None, "cus_2"]
    assert {sent.params["created[gte]"] for sent in script.sent} == {str(int(NOW.timestamp()) - 3600)}


async def test_an_invoice_with_more_lines_than_it_comes_with_is_asked_for_the_rest() -> None:
    short = make.invoice(make.line())
    short["lines"]["has_more"] = True
    script = Script(ok(short), listed(make.line(), make.credit(), more=True), listed(make.line(id="il_3")))
    fact = await StripeLookup(StripeApi("sk_live_x", http_client=script)).fetch(ObjectRef(ObjectKind.INVOICE, "in_1"))

    assert fact is not None
    assert isinstance(fact.after, InvoiceSeen)
    assert [line.amount for line in fact.after.lines] == [5800, -1200, 5800]
    assert [sent.path for sent in script.sent[1:]] == ["/v1/invoices/in_1/lines"] * 2


async def test_an_end_at_a_date_that_is_left_is_taken_back_by_a_step_of_its_own() -> None:
    ending = ok(make.subscription(cancel_at=make.END))
    script = Script(ending, ok(make.customer()), ok(make.subscription()))
    await provider(script).execute(operation(UndoCancel(subscription_id="sub_1")))

    assert [(sent.params, sent.key) for sent in script.sent if sent.method == "post"] == [
        ({"cancel_at_period_end": "false"}, "undo_cancel:op1:1"),
        ({"cancel_at": ""}, "undo_cancel:op1:1:cancel_at"),
    ]


async def test_a_change_at_the_periods_end_says_again_what_it_does_not_change() -> None:
    """A phase that does not name a trial, a discount or a payment method takes it away."""
    discounts = [
        {"discount": "di_1", "coupon": "half", "promotion_code": None},
        {"discount": None, "coupon": None, "promotion_code": "promo_1"},
        {"discount": None, "coupon": "tenth", "promotion_code": None},
    ]
    phase = make.phase(trial_end=make.END, default_payment_method="pm_visa", discounts=discounts)
    made, written = ok(make.schedule(phases=[phase])), ok(make.schedule())
    script = Script(made, ok(make.customer()), written, ok(make.subscription()))
    command = ChangePlan(
        subscription_id="sub_1",
        item_id="si_1",
        price_id="price_basic",
        quantity=1,
        at_period_end=True,
        proration="none",
    )
    await provider(script).execute(operation(command))
    sent = next(sent.params for sent in script.sent if sent.path == "/v1/subscription_schedules/sub_sched_1")

    assert sent["phases[0][trial_end]"] == str(make.END)
    assert sent["phases[0][default_payment_method]"] == sent["phases[1][default_payment_method]"] == "pm_visa"
    assert "phases[1][trial_end]" not in sent
    for phase_number in (0, 1):
        named = {name: value for name, value in sent.items() if name.startswith(f"phases[{phase_number}][discounts]")}
        assert named == {
            f"phases[{phase_number}][discounts][0][discount]": "di_1",
            f"phases[{phase_number}][discounts][1][promotion_code]": "promo_1",
            f"phases[{phase_number}][discounts][2][coupon]": "tenth",
        }


async def test_in_live_mode_nobody_asks_for_test_clocks() -> None:
    script = Script(ok(make.setup_intent()))
    fact = await StripeLookup(StripeApi("sk_live_x", http_client=script)).fetch(ObjectRef(ObjectKind.SETUP, "seti_1"))

    assert fact is not None
    assert len(script.sent) == 1


async def test_a_live_key_says_so() -> None:
    account = ok({"id": "acct_1", "object": "account"})

    assert (await StripeLookup(StripeApi("rk_live_x", http_client=Script(account))).identity()).livemode


async def test_requests_are_made_in_the_pinned_version_and_tell_nothing_of_this_machine() -> None:
    script = Script(ok(make.customer()))
    await provider(script).execute(operation())
    (sent,) = script.sent
    told = json.loads(sent.headers["X-Stripe-Client-User-Agent"])

    assert sent.headers["Stripe-Version"] == "2026-10-28.endive"
    assert not told.keys() & {"telemetry_id", "platform"}
