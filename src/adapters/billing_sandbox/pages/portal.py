"""The customer portal: see subscriptions, invoices and methods; cancel, or think better of it."""

from aiohttp import web

from billing_sandbox.api_face import SANDBOX
from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.subscription_end import ENDED
from billing_sandbox.engine.subscription_items import items_of, period_end
from billing_sandbox.engine.subscription_operations import update
from billing_sandbox.engine.world import World
from billing_sandbox.pages.html import amount, day, page, text


async def show(request: web.Request) -> web.Response:
    """The portal of one customer."""
    world = request.app[SANDBOX].engine.world
    session = world.named("billing_portal.session", request.match_info["id"], "session")
    customer = session["customer"]
    subscriptions = [world.load("subscription", i) for i in world.store.select("subscription", "customer", customer)]
    invoices = [world.load("invoice", i) for i in world.store.select("invoice", "customer", customer)]
    methods = [world.load("payment_method", i) for i in world.store.select("payment_method", "customer", customer)]
    back = f'<a href="{text(session["return_url"])}">Back to the store</a>' if session["return_url"] else ""
    body = (
        '<div class="notice"><b>Sandbox.</b> No money moves here.</div>'
        f'<main class="sheet"><header><h1>Your subscriptions</h1>{back}</header>'
        + "".join(_subscription(s) for s in reversed(subscriptions) if s["status"] not in ENDED)
        + "<h2>Payment methods</h2>"
        + _rows([(_method(m),) for m in reversed(methods)])
        + "<h2>Invoices</h2>"
        + _rows([_invoice(i) for i in reversed(invoices)])
        + "</main>"
    )
    return page("Customer portal (sandbox)", body)


async def act(request: web.Request) -> web.Response:
    """Cancel at the end of the period, or take that back."""
    sandbox, posted = request.app[SANDBOX], await request.post()
    session = sandbox.engine.world.named("billing_portal.session", request.match_info["id"], "session")
    wanted, cancel = str(posted.get("subscription", "")), posted.get("action") == "cancel"

    def change(w: World) -> Obj:
        subscription = w.given("subscription", wanted, "subscription")
        if subscription["customer"] != session["customer"]:
            raise web.HTTPNotFound
        return update(w, {"cancel_at_period_end": cancel}, wanted)

    sandbox.do(change)
    raise web.HTTPSeeOther(f"/p/session/{session['id']}")


def routes() -> list[web.RouteDef]:
    """The routes of the portal."""
    return [web.get("/p/session/{id}", show), web.post("/p/session/{id}", act)]


def _subscription(subscription: Obj) -> str:
    item = items_of(subscription)[0]
    price = item["price"]
    ending = subscription["cancel_at_period_end"]
    when = f"Ends on {day(period_end(subscription))}" if ending else f"Renews on {day(period_end(subscription))}"
    action, label = ("keep", "Keep subscription") if ending else ("cancel", "Cancel subscription")
    cost = amount((price["unit_amount"] or 0) * item["quantity"], price["currency"])
    status = text(subscription["status"])
    return (
        f'<form method="post"><input type="hidden" name="subscription" value="{text(subscription["id"])}">'
        f"<p><b>{cost} per {price['recurring']['interval']}</b> "
        f'<span class="pill {status}">{status}</span><br>{when}</p>'
        f'<button class="plain" name="action" value="{action}">{label}</button></form>'
    )


def _method(method: Obj) -> str:
    if "card" in method:
        card = method["card"]
        return (
            f"{text(card['brand'].title())} •••• {text(card['last4'])}, expires {card['exp_month']}/{card['exp_year']}"
        )
    return f"Bank account •••• {text(method['us_bank_account']['last4'])}"


def _invoice(invoice: Obj) -> tuple[str, ...]:
    name = f'<a href="/i/{text(invoice["id"])}">{text(invoice["number"] or "Draft")}</a>'
    pill = f'<span class="pill {text(invoice["status"])}">{text(invoice["status"])}</span>'
    return day(invoice["created"]), name, amount(invoice["total"], invoice["currency"]), pill


def _rows(rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return '<div class="scroll"><div class="empty">None yet.</div></div>'
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><tbody>{body}</tbody></table></div>'
