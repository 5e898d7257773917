"""The subscriptions API."""

from billing_sandbox.engine.catalogue import RECURRING
from billing_sandbox.engine.collection import collect, void
from billing_sandbox.engine.discounts import DISCOUNTS, choose
from billing_sandbox.engine.errors import InvalidParam, InvalidRequest, missing
from billing_sandbox.engine.invoices import finalise
from billing_sandbox.engine.objects import DAY, Obj, merge_metadata
from billing_sandbox.engine.operations import EXPAND, PAGE, Operation
from billing_sandbox.engine.pagination import matches, page
from billing_sandbox.engine.params import (
    AMOUNT,
    BOOL,
    CURRENCY,
    INT,
    LOOSE,
    TEXT,
    Clear,
    Decimal,
    Fields,
    Hash,
    Int,
    ListOf,
    Metadata,
    OneOf,
    TimeFilter,
    words,
)
from billing_sandbox.engine.payment_methods import materialise
from billing_sandbox.engine.proration import credit
from billing_sandbox.engine.setup_intents import new_setup_intent
from billing_sandbox.engine.subscription_changes import Change, carry_out, carry_out_when_paid, draw_up, plan
from billing_sandbox.engine.subscription_end import ENDED, end_now
from billing_sandbox.engine.subscription_items import items_of, recurring_price
from billing_sandbox.engine.subscription_terms import ITEM_FIELDS, missing_method, require_changeable, with_terms
from billing_sandbox.engine.subscriptions import Wanted, begin, pay_first
from billing_sandbox.engine.world import World

_MAX_TRIAL_DAYS = 730
PRICE_DATA = Hash(
    {
        "currency": CURRENCY,
        "product": TEXT,
        "recurring": RECURRING,
        "unit_amount": AMOUNT,
        "unit_amount_decimal": Decimal(),
        "tax_behavior": words("exclusive", "inclusive", "unspecified"),
    },
    ("currency", "product", "recurring"),
)
_ITEM: Fields = {
    "price": TEXT,
    "plan": TEXT,
    "price_data": PRICE_DATA,
    "quantity": Int(least=0),
    "metadata": Metadata(),
}
ITEMS_CHANGED = ListOf(Hash(_ITEM | {"id": TEXT, "deleted": BOOL, "clear_usage": BOOL}), most=20)
PRORATION = words("always_invoice", "create_prorations", "none")
PAYMENT_BEHAVIOR = words("allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete")
_MISSING_METHOD = words("cancel", "create_invoice", "pause")
_TRIAL_SETTINGS = Hash(
    {"end_behavior": Hash({"missing_payment_method": _MISSING_METHOD}, ("missing_payment_method",))}, ("end_behavior",)
)
_PAUSE = words("keep_as_draft", "mark_uncollectible", "void")
_CANCELLATION = Hash({"comment": Clear(TEXT), "feedback": Clear(TEXT)})
_COMMON: Fields = {
    "cancel_at": Clear(OneOf(("min_period_end", "max_period_end"), INT)),
    "cancel_at_period_end": BOOL,
    "collection_method": words("charge_automatically", "send_invoice"),
    "days_until_due": INT,
    "default_payment_method": Clear(TEXT),
    "description": Clear(TEXT),
    "discounts": DISCOUNTS,
    "invoice_settings": LOOSE,
    "metadata": Metadata(),
    "off_session": BOOL,
    "payment_behavior": PAYMENT_BEHAVIOR,
    "payment_settings": Hash(
        {"save_default_payment_method": words("off", "on_subscription"), "payment_method_options": LOOSE}
    ),
    "proration_behavior": PRORATION,
    "trial_end": OneOf(("now",), INT),
    "trial_settings": _TRIAL_SETTINGS,
}
_ALLOWED_WHEN_PENDING = {
    *ITEM_FIELDS,
    "expand",
    "metadata",
    "off_session",
    "payment_behavior",
    "proration_behavior",
}  # fmt: skip


def create(w: World, p: Obj) -> Obj:
    """Subscribe a customer directly."""
    customer = w.given("customer", p["customer"], "customer")
    chosen = [
        (
            recurring_price(w, entry, f"items[{n}]"),
            entry.get("quantity", 1),
            merge_metadata({}, entry.get("metadata", {})),
        )
        for n, entry in enumerate(p["items"])
    ]
    if not chosen:
        message = "Missing required param: items."
        raise InvalidParam(message, param="items", code="parameter_missing")
    if len({price["currency"] for price, _, _ in chosen}) > 1:
        message = "All prices on a subscription must have the same currency."
        raise InvalidRequest(message, param="items")
    method = p.get("default_payment_method")
    if method:
        method = materialise(w, method, "default_payment_method")["id"]
    trial_end = _trial_end(w, p)
    behaviour = p.get("payment_behavior", "allow_incomplete")
    collection = p.get("collection_method", "charge_automatically")
    known = method or customer["invoice_settings"]["default_payment_method"]
    due = sum((price["unit_amount"] or 0) * quantity for price, quantity, _ in chosen)
    if (
        collection == "charge_automatically"
        and not known
        and not trial_end
        and due
        and behaviour != "default_incomplete"
    ):
        message = (
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method."
        )
        raise InvalidRequest(message, code="resource_missing")
    cancel_at = p.get("cancel_at")
    wanted = Wanted(
        customer=customer,
        items=chosen,
        metadata=merge_metadata({}, p.get("metadata", {})),
        trial_end=trial_end,
        anchor=p.get("billing_cycle_anchor"),
        prorate=p.get("proration_behavior", "create_prorations") != "none",
        missing_method=missing_method(p) or "create_invoice",
        default_method=method,
        cancel_at=cancel_at if isinstance(cancel_at, int) else None,
        cancel_at_period_end=p.get("cancel_at_period_end", False) or isinstance(cancel_at, str),
        collection=collection,
        days_until_due=p.get("days_until_due"),
        description=p.get("description"),
        save_method=(p.get("payment_settings") or {}).get("save_default_payment_method", "off"),
        discounts=[choose(w, asked, customer["id"]) for asked in p.get("discounts") or []],
    )
    subscription, invoice = begin(w, wanted)
    pay_first(w, subscription, invoice, behaviour=behaviour)
    subscription = w.load("subscription", subscription["id"])
    if invoice["total"] == 0 and not known and collection == "charge_automatically":
        intent = new_setup_intent(w, customer=customer["id"], usage="off_session")
        w.store.put_private(intent["id"], {"subscription": subscription["id"]})
        subscription["pending_setup_intent"] = intent["id"]
        w.change(subscription)
    return subscription


def update(w: World, p: Obj, subscription_id: str) -> Obj:
    """Change a subscription: its terms at once, its items by the rules of proration and payment."""
    subscription = w.named("subscription", subscription_id)
    require_changeable(subscription, p)
    payment = p.get("payment_behavior", "allow_incomplete")
    behaviour = p.get("proration_behavior", "create_prorations")
    changes_items = bool(ITEM_FIELDS & p.keys())
    if payment == "pending_if_incomplete":
        refused = sorted(p.keys() - _ALLOWED_WHEN_PENDING)
        if refused:
            message = f"When `payment_behavior` is `pending_if_incomplete`, you cannot pass `{refused[0]}`."
            raise InvalidRequest(message, param=refused[0])
    if changes_items and subscription["pending_update"]:
        subscription = _drop_pending(w, subscription)
    terms = with_terms(w, subscription, p)
    if not changes_items:
        w.change(terms, "customer.subscription.updated")
        _arrange_end(w, subscription, terms)
        return terms
    if payment == "pending_if_incomplete":
        return carry_out_when_paid(w, terms, p, behaviour=behaviour)
    change = plan(w, terms, p, behaviour=behaviour)
    done = carry_out(w, terms, change, behaviour=behaviour, payment=payment)
    _arrange_end(w, subscription, done)
    return done


def cancel(w: World, p: Obj, subscription_id: str) -> Obj:
    """End a subscription at once, crediting and invoicing only where asked."""
    subscription = w.named("subscription", subscription_id)
    if subscription["status"] in ENDED:
        raise missing("subscription", subscription_id, param="id", status=404)
    told = {name: value for name, value in (p.get("cancellation_details") or {}).items() if value}
    prorate = p.get("prorate", False)
    if prorate:
        credit_rest(w, subscription)
    after = end_now(w, subscription, reason="cancellation_requested", details=told)
    if p.get("invoice_now", False):
        from_items = _invoice_what_waits(w, after)
        if from_items:
            after["latest_invoice"] = from_items["id"]
            w.change(after)
    elif not prorate:
        _drop_waiting_items(w, subscription_id)
    return after


def credit_rest(w: World, subscription: Obj) -> None:
    """Give back, as waiting items, what was billed beyond now."""
    for item in items_of(subscription):
        credit(w, subscription, item, w.now)


def list_subscriptions(w: World, p: Obj) -> Obj:
    """Subscriptions; ended ones only where `status` asks for them."""
    status = p.get("status")
    names = ("customer", "collection_method", "test_clock", "created")
    filters = {name: p[name] for name in names if name in p}
    if "customer" in p:
        held = [w.load("subscription", found) for found in w.store.select("subscription", "customer", p["customer"])]
    else:
        held = list(w.store.each("subscription"))
    found = [
        subscription
        for subscription in held
        if _in_state(subscription, status)
        and _has_price(subscription, p.get("price"))
        and matches(subscription, filters)
    ]
    return page(found, p, "/v1/subscriptions")


def delete_discount(w: World, _p: Obj, subscription_id: str) -> Obj:
    """Take the discounts away."""
    subscription = w.named("subscription", subscription_id)
    gone = [w.load("discount", discount_id) for discount_id in subscription["discounts"]]
    w.change(subscription | {"discounts": []}, "customer.subscription.updated")
    for discount in gone:
        w.emit("customer.discount.deleted", discount)
    stub = gone[-1] if gone else {"id": "", "object": "discount"}
    return stub | {"deleted": True}


def retrieve(w: World, _p: Obj, subscription_id: str) -> Obj:
    """One subscription, ended or not."""
    return w.named("subscription", subscription_id)


def _in_state(subscription: Obj, status: str | None) -> bool:
    if status in {None, "ended"}:
        return (subscription["status"] in ENDED) == (status == "ended")
    return status in {"all", subscription["status"]}


def _has_price(subscription: Obj, price: str | None) -> bool:
    return price is None or any(item["price"]["id"] == price for item in items_of(subscription))


def _trial_end(w: World, p: Obj) -> int | None:
    if "trial_period_days" in p and "trial_end" in p:
        message = "You may only specify one of these parameters: trial_end, trial_period_days."
        raise InvalidParam(message, param="trial_end")
    if p.get("trial_period_days"):
        return w.now + int(p["trial_period_days"]) * DAY
    end = p.get("trial_end")
    if end in {None, "now"}:
        return None
    if end <= w.now or end > w.now + _MAX_TRIAL_DAYS * DAY:
        message = "Invalid timestamp: trial_end must be in the future and at most 730 days ahead."
        raise InvalidRequest(message, param="trial_end")
    return int(end)


def _arrange_end(w: World, before: Obj, after: Obj) -> None:
    if after["cancel_at"] and after["cancel_at"] != before["cancel_at"]:
        w.schedule(after["cancel_at"], "cancel_as_agreed", after["id"])


def _drop_pending(w: World, subscription: Obj) -> Obj:
    invoice = w.load("invoice", subscription["latest_invoice"])
    if invoice["status"] == "open":
        void(w, invoice)
    subscription["pending_update"] = None
    w.change(subscription, "customer.subscription.updated")
    return subscription


def _invoice_what_waits(w: World, subscription: Obj) -> Obj | None:
    invoice = draw_up(w, subscription, Change(after=subscription))
    if invoice is None:
        return None
    final = finalise(w, invoice)
    return collect(w, final)


def _drop_waiting_items(w: World, subscription_id: str) -> None:
    for item in w.store.each("invoiceitem"):
        owner = (item["parent"] or {}).get("subscription_details", {}).get("subscription")
        if owner == subscription_id and item["invoice"] is None and item["proration"]:
            w.store.remove("invoiceitem", item["id"])
            w.emit("invoiceitem.deleted", item)


OPERATIONS = (
    Operation(
        "POST",
        "/v1/subscriptions",
        create,
        {
            **_COMMON,
            "customer": TEXT,
            "currency": CURRENCY,
            "items": ListOf(Hash(_ITEM), most=20),
            "billing_cycle_anchor": INT,
            "billing_mode": LOOSE,
            "trial_period_days": Int(1, _MAX_TRIAL_DAYS),
        },
        ("customer", "items"),
    ),
    Operation(
        "GET",
        "/v1/subscriptions",
        list_subscriptions,
        {
            **PAGE,
            "customer": TEXT,
            "price": TEXT,
            "created": TimeFilter(),
            "test_clock": TEXT,
            "collection_method": words("charge_automatically", "send_invoice"),
            "status": words(
                "active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused",
                "trialing", "unpaid",
            ),
        },
    ),
    Operation("GET", "/v1/subscriptions/{subscription}", retrieve),
    Operation(
        "POST",
        "/v1/subscriptions/{subscription}",
        update,
        {
            **_COMMON,
            "items": ITEMS_CHANGED,
            "billing_cycle_anchor": Hash({"type": words("now", "unchanged")}, ("type",)),
            "cancellation_details": _CANCELLATION,
            "pause_collection": Clear(Hash({"behavior": _PAUSE, "resumes_at": INT}, ("behavior",))),
            "proration_date": INT,
        },
    ),
    Operation(
        "DELETE",
        "/v1/subscriptions/{subscription}",
        cancel,
        {**EXPAND, "cancellation_details": _CANCELLATION, "invoice_now": BOOL, "prorate": BOOL},
    ),
    Operation("DELETE", "/v1/subscriptions/{subscription}/discount", delete_discount),
)  # fmt: skip
