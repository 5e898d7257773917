"""The control API under `/_sandbox/`: what a developer may do to this Stripe that nobody could do to the real one."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec
from aiohttp import web

from billing_sandbox.api_face import SANDBOX
from billing_sandbox.engine import discounts, disputes, payments, refunds
from billing_sandbox.engine.actions import end_delayed_payment
from billing_sandbox.engine.chaos import Chaos, Rates
from billing_sandbox.engine.checkout_completion import Buyer, complete
from billing_sandbox.engine.errors import Fault, InvalidRequest
from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.payment_methods import card_of
from billing_sandbox.engine.world import World
from billing_sandbox.service import Sandbox

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def health(request: web.Request) -> web.Response:
    """Whether the sandbox is up."""
    return _json({"status": "ok", "now": request.app[SANDBOX].now})


async def clock(request: web.Request) -> web.Response:
    """The sandbox's time and how far it is ahead of real time."""
    return _json(_clock(request.app[SANDBOX]))


async def advance(request: web.Request) -> web.Response:
    """Move time: `{"by": "1mo"}` or `{"to": 1800000000}`. Answers when everything due has been done and offered."""
    sandbox, body = request.app[SANDBOX], await _body(request)
    try:
        await sandbox.advance(str(body["by"]) if "by" in body else None, to=int(body["to"]) if "to" in body else None)
    except ValueError as error:
        raise InvalidRequest(str(error), param="by") from error
    return _json(_clock(sandbox))


async def pay_session(request: web.Request) -> web.Response:
    """Complete a checkout session without its page: `{"card": "4242…", "email", "name", "authenticate": true}`."""
    sandbox, body = request.app[SANDBOX], await _body(request)

    def pay(w: World) -> Obj:
        session = w.named("checkout.session", request.match_info["id"], "session")
        buyer = Buyer(
            email=body.get("email"),
            name=body.get("name"),
            card=card_of(str(body.get("card", "4242424242424242"))),
            authenticated=bool(body.get("authenticate", False)),
        )
        return complete(w, session, buyer)

    session = sandbox.do(pay)
    await sandbox.completed(session)
    return _json(session)


async def fail_next_payment(request: web.Request) -> web.Response:
    """Have the next payment refused: `{"customer": "cus_…", "code": "card_declined", "times": 1}`, all optional."""
    sandbox, body = request.app[SANDBOX], await _body(request)
    code, times = str(body.get("code", "generic_decline")), int(body.get("times", 1))
    customer = body.get("customer")

    def note(w: World) -> Obj:
        if customer:
            w.named("customer", str(customer), "customer")
        payments.fail_next_payments(w, customer, code, times)
        return {"customer": customer, "code": code, "times": times}

    return _json(sandbox.do(note))


async def end_payment(request: web.Request) -> web.Response:
    """End a payment that is processing: `{"outcome": "succeeded" | "failed"}`."""
    sandbox, body = request.app[SANDBOX], await _body(request)
    succeeds = body.get("outcome", "succeeded") == "succeeded"

    def end(w: World) -> Obj:
        intent = w.named("payment_intent", request.match_info["id"], "intent")
        if intent["status"] != "processing":
            message = f"Payment intent {intent['id']} is {intent['status']}, not processing."
            raise InvalidRequest(message)
        return end_delayed_payment(w, intent, succeeds=succeeds)

    return _json(sandbox.do(end))


async def dispute(request: web.Request) -> web.Response:
    """Dispute a charge, or an intent's charge: `{"charge": "ch_…", "reason": "fraudulent", "inquiry": false}`."""
    sandbox, body = request.app[SANDBOX], await _body(request)

    def make(w: World) -> Obj:
        if "payment_intent" in body:
            intent = w.given("payment_intent", str(body["payment_intent"]), "payment_intent")
            charge = w.given("charge", intent["latest_charge"] or "", "payment_intent")
        else:
            charge = w.given("charge", str(body.get("charge", "")), "charge")
        reason, inquiry = str(body.get("reason", "fraudulent")), bool(body.get("inquiry", False))
        return disputes.open_dispute(w, charge, reason=reason, amount=body.get("amount"), inquiry=inquiry)

    return _json(sandbox.do(make))


async def close_dispute(request: web.Request) -> web.Response:
    """Decide a dispute: `{"outcome": "won" | "lost"}`."""
    sandbox, body = request.app[SANDBOX], await _body(request)
    outcome = str(body.get("outcome", ""))
    if outcome not in {"won", "lost"}:
        message = "Say how the dispute ends: outcome must be won or lost."
        raise InvalidRequest(message, param="outcome")
    given = request.match_info["id"]
    return _json(sandbox.do(lambda w: disputes.decide(w, w.named("dispute", given, "dispute"), outcome)))


async def fail_refund(request: web.Request) -> web.Response:
    """Let a refund fail after all: `{"reason": "lost_or_stolen_card"}`."""
    sandbox, body = request.app[SANDBOX], await _body(request)
    reason, given = str(body.get("reason", "lost_or_stolen_card")), request.match_info["id"]
    return _json(sandbox.do(lambda w: refunds.fail(w, w.named("refund", given, "refund"), reason)))


async def give_discount(request: web.Request) -> web.Response:
    """Give a customer a discount, as the Dashboard does: `{"coupon": "SPRING"}`."""
    sandbox, body = request.app[SANDBOX], await _body(request)
    coupon, given = str(body.get("coupon", "")), request.match_info["id"]
    return _json(sandbox.do(lambda w: discounts.give_to_customer(w, given, coupon)))


async def settings(request: web.Request) -> web.Response:
    """Read (GET) or change (POST) the account's settings: retries, what follows them, draft time, notices."""
    sandbox = request.app[SANDBOX]
    if request.method == "POST":
        try:
            sandbox.engine.world.settings = sandbox.engine.world.settings.changed(await _body(request))
        except (TypeError, ValueError) as error:
            raise InvalidRequest(str(error)) from error
        sandbox.changed()
    return _json(sandbox.engine.world.settings.to_json())


async def deliveries(request: web.Request) -> web.Response:
    """The latest webhook deliveries, newest first; `?state=pending` picks."""
    wanted = request.query.get("state")
    records = [d.to_json() for d in reversed(request.app[SANDBOX].deliveries.records())]
    return _json({"data": [record for record in records if wanted in {None, record["state"]}]})


async def redeliver(request: web.Request) -> web.Response:
    """Send an event again to every endpoint that is enabled, at once."""
    sandbox = request.app[SANDBOX]
    event = sandbox.engine.world.named("event", request.match_info["id"], "id")
    endpoints = [e for e in sandbox.engine.world.store.each("webhook_endpoint") if e["status"] == "enabled"]
    return _json({"data": [sandbox.deliveries.again(event, endpoint).to_json() for endpoint in endpoints]})


async def settle(request: web.Request) -> web.Response:
    """Wait (at most `?seconds=10`) until every event so far was tried once."""
    sandbox = request.app[SANDBOX]
    sandbox.catch_up()
    await sandbox.deliveries.settled(float(request.query.get("seconds", "10")))
    return _json({"pending": len(sandbox.deliveries.pending())})


async def chaos(request: web.Request) -> web.Response:
    """Read (GET), set (POST `{"seed": 7, "rates": {...}}`) or end (DELETE) the chaos."""
    sandbox = request.app[SANDBOX]
    if request.method == "DELETE":
        sandbox.chaos = None
    elif request.method == "POST":
        body = await _body(request)
        try:
            sandbox.chaos = Chaos(body.get("seed", 1), Rates().changed(body.get("rates", {})))
        except ValueError as error:
            raise InvalidRequest(str(error), param="rates") from error
    on = sandbox.chaos
    log = [line.decode() for line in on.log] if on else []
    return _json({"on": on is not None, "log": log} | (on.to_json() if on else {}))


@web.middleware
async def faults_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what is refused with the error body and status that it carries."""
    try:
        return await handler(request)
    except Fault as fault:
        return _json(fault.body, fault.status)


def routes() -> list[web.RouteDef]:
    """All control routes."""
    return [
        web.get("/_sandbox/health", health),
        web.get("/_sandbox/clock", clock),
        web.post("/_sandbox/advance", advance),
        web.post("/_sandbox/sessions/{id}/pay", pay_session),
        web.post("/_sandbox/fail-next-payment", fail_next_payment),
        web.post("/_sandbox/payment_intents/{id}/end", end_payment),
        web.post("/_sandbox/disputes", dispute),
        web.post("/_sandbox/disputes/{id}/close", close_dispute),
        web.post("/_sandbox/refunds/{id}/fail", fail_refund),
        web.post("/_sandbox/customers/{id}/discount", give_discount),
        web.get("/_sandbox/settings", settings),
        web.post("/_sandbox/settings", settings),
        web.route("*", "/_sandbox/chaos", chaos),
        web.get("/_sandbox/deliveries", deliveries),
        web.post("/_sandbox/events/{id}/redeliver", redeliver),
        web.post("/_sandbox/settle", settle),
    ]


def _clock(sandbox: Sandbox) -> Obj:
    now = sandbox.now
    return {"now": now, "iso": datetime.fromtimestamp(now, UTC).isoformat(), "offset": sandbox.offset}


async def _body(request: web.Request) -> Obj:
    raw = await request.read()
    try:
        body = msgspec.json.decode(raw) if raw else {}
    except msgspec.DecodeError as error:
        message = f"The body must be JSON: {error}"
        raise InvalidRequest(message) from error
    if not isinstance(body, dict):
        message = "The body must be a JSON object."
        raise InvalidRequest(message)
    return body


def _json(body: Obj, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
