"""The account itself, its event log, and sessions of the customer portal."""

from billing_sandbox.engine.errors import InvalidParam
from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.operations import PAGE, Operation, retrieve
from billing_sandbox.engine.pagination import listed, matches, page
from billing_sandbox.engine.params import LOOSE, TEXT, ListOf, TimeFilter
from billing_sandbox.engine.world import ACCOUNT_ID, World

_MAX_TYPES = 20
_CONFIGURATION = "bpc_1SandboxDefault"


def account(w: World, _p: Obj) -> Obj:
    """Whose sandbox this is."""
    return {
        "id": ACCOUNT_ID,
        "object": "account",
        "business_profile": {"name": "Sandbox", "mcc": None, "support_email": None, "url": None},
        "business_type": None,
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": "US",
        "created": w.store.private("_account").get("created", w.main_time),
        "default_currency": "usd",
        "details_submitted": True,
        "email": None,
        "metadata": {},
        "payouts_enabled": True,
        "type": "standard",
    }


def list_events(w: World, p: Obj) -> Obj:
    """Events of the last 30 days, by type, types (`customer.*` is understood) or time."""
    if "type" in p and "types" in p:
        message = "You may only specify one of these parameters: type, types."
        raise InvalidParam(message, param="type")
    wanted = p.get("types") or ([p["type"]] if "type" in p else None)
    filters = {"created": p["created"]} if "created" in p else {}
    if wanted is None:
        return listed(w, "event", p, url="/v1/events")
    found = [event for event in w.store.each("event") if _wanted(event["type"], wanted) and matches(event, filters)]
    return page(found, p, "/v1/events")


def portal_session(w: World, p: Obj) -> Obj:
    """A short-lived link with which a customer manages subscriptions and methods."""
    w.given("customer", p["customer"], "customer")
    session_id = w.new_id("bps_")
    session = {
        "id": session_id,
        "object": "billing_portal.session",
        "configuration": p.get("configuration", _CONFIGURATION),
        "created": w.now,
        "customer": p["customer"],
        "customer_account": None,
        "flow": None,
        "livemode": False,
        "locale": p.get("locale"),
        "on_behalf_of": None,
        "return_url": p.get("return_url"),
        "url": f"{w.public_url}/p/session/{session_id}",
    }
    return w.insert(session)


def _wanted(event_type: str, wanted: list[str]) -> bool:
    return any(
        event_type == name or (name.endswith("*") and event_type.startswith(name.removesuffix("*"))) for name in wanted
    )


OPERATIONS = (
    Operation("GET", "/v1/account", account),
    Operation(
        "GET",
        "/v1/events",
        list_events,
        {**PAGE, "type": TEXT, "types": ListOf(TEXT, most=_MAX_TYPES), "created": TimeFilter()},
    ),
    Operation("GET", "/v1/events/{id}", retrieve("event")),
    Operation(
        "POST",
        "/v1/billing_portal/sessions",
        portal_session,
        {"customer": TEXT, "return_url": TEXT, "configuration": TEXT, "locale": TEXT, "flow_data": LOOSE},
        ("customer",),
    ),
)
