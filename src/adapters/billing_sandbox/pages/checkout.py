"""The checkout page: what is bought, and the form to pay for it. Works without script, errors come back on the page."""

import re
from datetime import UTC, datetime

from aiohttp import web

from billing_sandbox.api_face import SANDBOX
from billing_sandbox.engine import cards
from billing_sandbox.engine.checkout import apply_code
from billing_sandbox.engine.checkout_completion import NEEDS_AUTHENTICATION, Buyer, complete
from billing_sandbox.engine.coupons import code_typed
from billing_sandbox.engine.errors import CardDeclined, Fault, InvalidRequest
from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.payment_methods import card_of
from billing_sandbox.engine.world import World
from billing_sandbox.pages.bank_step import bank_step
from billing_sandbox.pages.checkout_view import Form, checkout_view, closed_view

_CVC = re.compile(r"\d{3,4}")
_EXPIRY = re.compile(r"\s*(\d{1,2})\s*/?\s*(\d{2}|20\d{2})\s*")
_CENTURY = 2000


async def show(request: web.Request) -> web.Response:
    """The page of an open session."""
    world = request.app[SANDBOX].engine.world
    request.app[SANDBOX].catch_up()
    session = world.store.find("checkout.session", request.match_info["id"])
    if session is None or session["status"] != "open":
        return closed_view(session)
    return checkout_view(world, session, Form())


async def submit(request: web.Request) -> web.Response:
    """The form came back: pay, apply a code, or answer the bank's question."""
    sandbox = request.app[SANDBOX]
    sandbox.catch_up()
    session = sandbox.engine.world.store.find("checkout.session", request.match_info["id"])
    if session is None or session["status"] != "open":
        return closed_view(session)
    posted = await request.post()
    form = Form(values={name: value for name, value in posted.items() if isinstance(value, str)})
    if form.get("action") == "apply":
        return _apply(request, session, form)
    if form.get("bank") == "fail":
        error = CardDeclined(
            {"message": "We are unable to authenticate your payment method. Please choose another one."}
        )
        return checkout_view(sandbox.engine.world, session, form.failed(error), status=402)
    try:
        buyer = _buyer(form, datetime.fromtimestamp(sandbox.now, UTC))
        done = sandbox.do(lambda w: complete(w, w.load("checkout.session", session["id"]), buyer))
    except CardDeclined as declined:
        if declined.error.get("code") == NEEDS_AUTHENTICATION:
            return bank_step(session, form)
        return checkout_view(sandbox.engine.world, _again(request), form.failed(declined), status=402)
    except Fault as fault:
        return checkout_view(sandbox.engine.world, _again(request), form.failed(fault), status=402)
    await sandbox.completed(done)
    target = (done["success_url"] or "/").replace("{CHECKOUT_SESSION_ID}", done["id"])
    raise web.HTTPSeeOther(target)


def _apply(request: web.Request, session: Obj, form: Form) -> web.Response:
    sandbox = request.app[SANDBOX]

    def use(w: World) -> Obj:
        fresh = w.load("checkout.session", session["id"])
        code = code_typed(w, form.get("promotion_code"), fresh["customer"]) if fresh["allow_promotion_codes"] else None
        if code is None:
            message = "This code is invalid."
            raise InvalidRequest(message, param="promotion_code")
        return apply_code(w, fresh, code)

    try:
        changed = sandbox.do(use)
    except Fault as fault:
        return checkout_view(sandbox.engine.world, session, form.failed(fault), status=402)
    return checkout_view(sandbox.engine.world, changed, form)


def _again(request: web.Request) -> Obj:
    return request.app[SANDBOX].engine.world.load("checkout.session", request.match_info["id"])


def _buyer(form: Form, now: datetime) -> Buyer:
    email = form.get("email").strip()
    if "email" in form.values and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        message = "Enter an email address, such as you@example.com."
        raise InvalidRequest(message, param="email")
    authenticated = form.get("bank") == "complete"
    name = form.get("name").strip() or None
    if "method" not in form.values:
        return Buyer(email=email or None, name=name)
    if form.get("method") == "bank":
        account = cards.BANK_FAILS if form.get("account") == cards.BANK_FAILS.number else cards.BANK_SUCCEEDS
        return Buyer(email=email or None, name=name, card=account)
    number = form.get("card_number")
    if not re.sub(r"\D", "", number):
        message = "Enter your card number."
        raise InvalidRequest(message, param="card_number")
    card = card_of(number)
    expiry = _EXPIRY.fullmatch(form.get("card_expiry"))
    if not expiry or not 1 <= int(expiry[1]) <= 12:  # noqa: PLR2004 - months
        message = "Enter the expiry date as month and year, such as 12 / 34."
        raise InvalidRequest(message, param="card_expiry")
    month, year = int(expiry[1]), int(expiry[2]) if len(expiry[2]) > 2 else _CENTURY + int(expiry[2])  # noqa: PLR2004 - digits
    if (year, month) < (now.year, now.month):
        message = "Your card's expiration date is in the past."
        raise InvalidRequest(message, param="card_expiry")
    if not _CVC.fullmatch(form.get("card_cvc").strip()):
        message = "Your card's security code is incomplete."
        raise InvalidRequest(message, param="card_cvc")
    return Buyer(email=email or None, name=name, card=card, expires=(month, year), authenticated=authenticated)
