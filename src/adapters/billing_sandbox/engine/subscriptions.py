"""How a subscription begins."""

from attrs import field, frozen

from billing_sandbox.engine.collection import collect, mark_paid
from billing_sandbox.engine.discounts import Chosen, due_to, redeem, use_up
from billing_sandbox.engine.errors import CardDeclined
from billing_sandbox.engine.invoice_items import pending_lines
from billing_sandbox.engine.invoices import draft, finalise, intent_of
from billing_sandbox.engine.money import share
from billing_sandbox.engine.objects import DAY, HOUR, Obj, list_object
from billing_sandbox.engine.proration import record_invoice
from billing_sandbox.engine.subscription_items import items_of, new_item, period_end, period_line, period_of, trial_line
from billing_sandbox.engine.world import World

INCOMPLETE_HOURS = 23
TRIAL_WARNING_DAYS = 3


@frozen(kw_only=True)
class Wanted:
    """What somebody subscribes to, on what terms."""

    customer: Obj
    #: (price, quantity, metadata) for each item.
    items: list[tuple[Obj, int, Obj]]
    metadata: Obj = field(factory=dict)
    trial_end: int | None = None
    anchor: int | None = None
    prorate: bool = True
    missing_method: str = "create_invoice"
    default_method: str | None = None
    cancel_at: int | None = None
    cancel_at_period_end: bool = False
    collection: str = "charge_automatically"
    days_until_due: int | None = None
    description: str | None = None
    save_method: str = "off"
    discounts: list[Chosen] = field(factory=list)
    extra_lines: list[Obj] = field(factory=list)


def begin(w: World, wanted: Wanted, *, told: bool = True) -> tuple[Obj, Obj]:
    """The subscription, and its first invoice as a draft. With `told=False` the caller tells of the creation."""
    subscription = _blank(w, wanted)
    trial = wanted.trial_end is not None
    anchor = subscription["billing_cycle_anchor"]
    data, lines = [], []
    for price, quantity, metadata in wanted.items:
        whole = period_of(price, anchor, w.now)
        period = (w.now, anchor if trial or anchor > w.now else whole[1])
        item = new_item(w, subscription["id"], price, quantity, period) | {"metadata": metadata}
        data.append(item)
        if trial:
            lines.append(trial_line(w, subscription, item))
        elif period[0] > whole[0] and wanted.anchor is not None:
            full, left = (price["unit_amount"] or 0) * quantity, period[1] - period[0]
            part = share(full, left, whole[1] - whole[0], price["currency"])
            lines.append(period_line(w, subscription, item, part if wanted.prorate else 0))
        else:
            lines.append(period_line(w, subscription, item))
    subscription["items"] = list_object(data, f"/v1/subscription_items?subscription={subscription['id']}")
    subscription |= one_item_extras(subscription)
    if wanted.cancel_at_period_end:
        subscription |= {"cancel_at_period_end": True, "cancel_at": period_end(subscription), "canceled_at": w.now}
    w.insert(subscription)
    given = [redeem(w, c, customer=wanted.customer["id"], subscription=subscription["id"]) for c in wanted.discounts]
    subscription["discounts"] = [discount["id"] for discount in given]
    invoice_id = w.new_id("in_")
    waiting = pending_lines(w, wanted.customer["id"], subscription["currency"], subscription["id"], invoice_id)
    invoice = draft(
        w,
        wanted.customer,
        currency=subscription["currency"],
        reason="subscription_create",
        lines=[*lines, *wanted.extra_lines, *waiting],
        subscription=subscription,
        discounts=due_to(w, subscription),
        id=invoice_id,
    )
    subscription["latest_invoice"] = invoice["id"]
    if invoice["total"] + min(0, wanted.customer["balance"]) > 0 and not trial:
        automatic = wanted.collection == "charge_automatically"
        subscription["status"] = "incomplete" if automatic else "active"
    w.store.put(subscription)
    record_invoice(w, subscription["id"], invoice)
    if told:
        w.emit("customer.subscription.created", subscription)
    arrange(w, subscription)
    return subscription, invoice


def pay_first(w: World, subscription: Obj, invoice: Obj, *, behaviour: str, method_id: str | None = None) -> None:
    """Make the first invoice final and, unless it is to wait for the customer, try to collect it.

    Raises:
        CardDeclined: It failed and `behaviour` is `error_if_incomplete`; nothing of it remains.
    """
    invoice = finalise(w, invoice)
    use_up(w, w.load("subscription", subscription["id"]))
    if invoice["amount_due"] == 0:
        mark_paid(w, invoice)
        return
    if invoice["collection_method"] == "send_invoice":
        return
    if behaviour == "default_incomplete":
        w.schedule(w.now + INCOMPLETE_HOURS * HOUR, "expire_incomplete", subscription["id"])
        return
    invoice = collect(w, invoice, method_id=method_id, off_session=False)
    if invoice["status"] != "paid":
        if behaviour == "error_if_incomplete":
            raise payment_error(w, invoice)
        w.schedule(w.now + INCOMPLETE_HOURS * HOUR, "expire_incomplete", subscription["id"])


def payment_error(w: World, invoice: Obj) -> CardDeclined:
    """The 402 for an invoice that could not be paid, with nothing kept."""
    intent = intent_of(w, invoice) or {}
    error = intent.get("last_payment_error") or {
        "code": "subscription_payment_intent_requires_action",
        "message": "Payment for this subscription requires additional user action before it can be completed.",
    }
    shown = {name: error.get(name) for name in ("code", "decline_code", "advice_code", "message", "payment_method")}
    return CardDeclined(shown, keep=False)


def arrange(w: World, subscription: Obj) -> None:
    """Set the timers of the current period: renewal, notices, an agreed end."""
    end = period_end(subscription)
    w.schedule(end, "renew", subscription["id"])
    if w.settings.upcoming_days and end - w.settings.upcoming_days * DAY > w.now:
        w.schedule(end - w.settings.upcoming_days * DAY, "announce_renewal", subscription["id"])
    if subscription["cancel_at"]:
        w.schedule(subscription["cancel_at"], "cancel_as_agreed", subscription["id"])
    if subscription["status"] == "trialing":
        warning = max(w.now, subscription["trial_end"] - TRIAL_WARNING_DAYS * DAY)
        w.schedule(warning, "warn_of_trial_end", subscription["id"])


def one_item_extras(subscription: Obj) -> Obj:
    """`plan` and `quantity`, which Stripe still sends, undocumented, for subscriptions of one item."""
    items = items_of(subscription)
    if len(items) == 1:
        return {"plan": items[0]["plan"], "quantity": items[0]["quantity"]}
    return {"plan": None, "quantity": None}


def _blank(w: World, wanted: Wanted) -> Obj:
    trial = wanted.trial_end is not None
    currency = wanted.items[0][0]["currency"]
    return {
        "id": w.new_id("sub_"),
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": wanted.trial_end or wanted.anchor or w.now,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"type": "flexible", "flexible": {"proration_discounts": "included"}, "updated_at": w.now},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": wanted.cancel_at,
        "cancel_at_period_end": False,
        "canceled_at": w.now if wanted.cancel_at else None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": wanted.collection,
        "created": w.now,
        "currency": currency,
        "customer": wanted.customer["id"],
        "days_until_due": wanted.days_until_due,
        "default_payment_method": wanted.default_method,
        "default_source": None,
        "default_tax_rates": [],
        "description": wanted.description,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "latest_invoice": None,
        "livemode": False,
        "metadata": wanted.metadata,
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": wanted.save_method,
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": w.now,
        "status": "trialing" if trial else "active",
        "status_details": None,
        "test_clock": wanted.customer["test_clock"],
        "transfer_data": None,
        "trial_end": wanted.trial_end,
        "trial_settings": {"end_behavior": {"missing_payment_method": wanted.missing_method}},
        "trial_start": w.now if trial else None,
    }
