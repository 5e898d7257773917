"""A developer's index: what is in this sandbox, newest first."""

from aiohttp import web

from billing_sandbox.api_face import SANDBOX
from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.world import World
from billing_sandbox.pages.html import amount, minute, page, text

_SHOWN = 15


async def index(request: web.Request) -> web.Response:
    """The first page."""
    sandbox = request.app[SANDBOX]
    sandbox.catch_up()
    world = sandbox.engine.world
    body = (
        '<div class="notice"><b>Sandbox.</b> A Stripe for development on this machine. No money moves here.</div>'
        f'<main class="sheet"><header><h1>Billing sandbox</h1><span>{minute(sandbox.now)}'
        f" (real time + {sandbox.offset} s)</span></header>"
        + _table("Checkout sessions", ("Session", "Mode", "Amount", "Status", "Customer"), _sessions(world))
        + _table("Customers", ("Customer", "Email", "Name", "Created"), _customers(world))
        + _table("Subscriptions", ("Subscription", "Customer", "Plan", "Status"), _subscriptions(world))
        + _table("Invoices", ("Invoice", "Customer", "Amount", "Status"), _invoices(world))
        + _table("Events", ("Event", "Type", "Object", "Created"), _events(world))
        + "</main>"
    )
    return page("Billing sandbox", body)


def _table(title: str, heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return f'<h2>{title}</h2><div class="scroll"><div class="empty">None yet.</div></div>'
    head = "".join(f"<th>{h}</th>" for h in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<h2>{title}</h2><div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _newest(world: World, kind: str) -> list[Obj]:
    return [world.load(kind, object_id) for object_id in world.store.ids(kind)[: -_SHOWN - 1 : -1]]


def _pill(status: str) -> str:
    return f'<span class="pill {text(status)}">{text(status)}</span>'


def _code(value: object) -> str:
    shown = str(value or "")
    return f"<code>{text(shown if len(shown) <= 30 else shown[:27] + '…')}</code>"  # noqa: PLR2004 - width of a column


def _sessions(world: World) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for session in _newest(world, "checkout.session"):
        total = amount(session["amount_total"], session["currency"]) if session["amount_total"] is not None else ""
        name = _code(session["id"])
        if session["status"] == "open":
            name = f'<a href="/c/pay/{text(session["id"])}">{name}</a>'
        rows.append((name, text(session["mode"]), total, _pill(session["status"]), _code(session["customer"])))
    return rows


def _customers(world: World) -> list[tuple[str, ...]]:
    live = [customer for customer in _newest(world, "customer") if not customer.get("deleted")]
    return [(_code(c["id"]), text(c["email"]), text(c["name"]), minute(c["created"])) for c in live]


def _subscriptions(world: World) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for subscription in _newest(world, "subscription"):
        price = subscription["items"]["data"][0]["price"]
        plan = f"{amount(price['unit_amount'] or 0, price['currency'])} per {price['recurring']['interval']}"
        rows.append((_code(subscription["id"]), _code(subscription["customer"]), plan, _pill(subscription["status"])))
    return rows


def _invoices(world: World) -> list[tuple[str, ...]]:
    return [
        (_code(i["number"] or i["id"]), _code(i["customer"]), amount(i["total"], i["currency"]), _pill(i["status"]))
        for i in _newest(world, "invoice")
    ]


def _events(world: World) -> list[tuple[str, ...]]:
    return [
        (_code(e["id"]), text(e["type"]), _code(e["data"]["object"].get("id")), minute(e["created"]))
        for e in _newest(world, "event")
    ]
