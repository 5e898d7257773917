"""Pages behind links in Stripe's objects: an invoice, a receipt, the question of a bank outside of checkout."""

import hmac

from aiohttp import web

from billing_sandbox.api_face import SANDBOX
from billing_sandbox.engine.errors import CardDeclined
from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.payment_intents import complete
from billing_sandbox.engine.setup_intents import confirm as confirm_setup
from billing_sandbox.engine.world import World
from billing_sandbox.pages.html import amount, day, page, text

_NOTICE = '<div class="notice"><b>Sandbox.</b> No money moves here.</div>'


async def invoice(request: web.Request) -> web.Response:
    """`hosted_invoice_url` and `invoice_pdf`: the invoice to look at."""
    world = request.app[SANDBOX].engine.world
    found = world.named("invoice", request.match_info["id"], "invoice")
    currency = found["currency"]
    rows = "".join(
        f"<tr><td>{text(line['description'])}</td>"
        f"<td>{day(line['period']['start'])} to {day(line['period']['end'])}</td>"
        f'<td class="num">{amount(line["amount"], currency)}</td></tr>'
        for line in found["lines"]["data"]
    )
    body = (
        f'{_NOTICE}<main class="sheet"><header><h1>Invoice {text(found["number"] or found["id"])}</h1>'
        f'<span class="pill {text(found["status"])}">{text(found["status"])}</span></header>'
        f"<p>{text(found['customer_email'])}</p>"
        f'<div class="scroll"><table><thead><tr><th>Description</th><th>Period</th><th>Amount</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
        f"<h2>Amount due {amount(found['amount_remaining'], currency)}"
        f" of {amount(found['total'], currency)}</h2></main>"
    )
    return page("Invoice", body)


async def receipt(request: web.Request) -> web.Response:
    """`receipt_url`: what was paid."""
    charge = request.app[SANDBOX].engine.world.named("charge", request.match_info["id"], "charge")
    paid = amount(charge["amount"], charge["currency"])
    body = f'{_NOTICE}<main class="bank"><h1>Receipt</h1><p>{paid} paid on {day(charge["created"])}.</p></main>'
    return page("Receipt", body)


async def ask(request: web.Request) -> web.Response:
    """`next_action.redirect_to_url`: the bank's question for a payment or a setup."""
    world = request.app[SANDBOX].engine.world
    intent = _intent(world, request)
    asked = amount(intent["amount"], intent["currency"]) if "amount" in intent else "a saved card"
    body = (
        f'{_NOTICE}<main class="bank"><h1>Your bank asks for confirmation</h1><p>Please confirm {asked}.</p>'
        '<form method="post" class="actions"><button class="pay" name="bank" value="complete">Complete authentication'
        '</button><button class="plain" name="bank" value="fail">Fail authentication</button></form></main>'
    )
    return page("Confirm payment", body)


async def answer(request: web.Request) -> web.Response:
    """The customer has answered the bank."""
    sandbox, posted = request.app[SANDBOX], await request.post()
    yes = posted.get("bank") == "complete"
    intent_id = _intent(sandbox.engine.world, request)["id"]
    try:
        sandbox.do(lambda w: _answered(w, intent_id, yes=yes))
    except CardDeclined as declined:
        message = text(declined.error["message"])
        return page("Payment failed", f'{_NOTICE}<main class="bank"><p class="error">{message}</p></main>', status=402)
    said = "Thank you. You can close this page." if yes else "Authentication failed."
    return page("Done", f'{_NOTICE}<main class="bank"><p>{said}</p></main>')


def routes() -> list[web.RouteDef]:
    """The routes of these pages."""
    return [
        web.get("/i/{id}", invoice),
        web.get("/i/{id}/pdf", invoice),
        web.get("/receipts/{id}", receipt),
        web.get("/c/authenticate/{id}", ask),
        web.post("/c/authenticate/{id}", answer),
    ]


def _intent(world: World, request: web.Request) -> Obj:
    kind = "setup_intent" if request.match_info["id"].startswith("seti_") else "payment_intent"
    intent = world.named(kind, request.match_info["id"], "intent")
    secret = request.query.get("client_secret", "")
    if intent["status"] != "requires_action" or not hmac.compare_digest(secret, intent["client_secret"]):
        raise web.HTTPNotFound
    return intent


def _answered(w: World, intent_id: str, *, yes: bool) -> Obj:
    kind = "setup_intent" if intent_id.startswith("seti_") else "payment_intent"
    intent = w.load(kind, intent_id)
    if not yes:
        intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
        w.change(intent)
        w.emit("setup_intent.setup_failed" if kind == "setup_intent" else "payment_intent.payment_failed", intent)
        return intent
    method = w.load("payment_method", intent["payment_method"])
    if kind == "setup_intent":
        return confirm_setup(w, intent, method, authenticated=True)
    return complete(w, intent, method, authenticated=True)
