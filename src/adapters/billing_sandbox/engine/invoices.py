"""Invoices: how one is drawn up, what its lines and sums are, and how it becomes final."""

from billing_sandbox.engine import discounts, payments
from billing_sandbox.engine.money import minimum_charge
from billing_sandbox.engine.objects import Obj, list_object
from billing_sandbox.engine.world import World

_UNPAID_PI = {"requires_payment_method", "requires_confirmation", "requires_action"}


def line(w: World, *, amount: int, currency: str, description: str, period: tuple[int, int], **more: object) -> Obj:
    """One line of an invoice. `more`: price, quantity, parent, subscription, metadata, discountable."""
    price = more.get("price")
    pricing = None
    if isinstance(price, dict):
        details = {"price": price["id"], "product": price["product"]}
        pricing = {
            "type": "price_details",
            "price_details": details,
            "unit_amount_decimal": price["unit_amount_decimal"],
        }
    quantity = more.get("quantity", 1)
    return {
        "id": w.new_id("il_"),
        "object": "line_item",
        "amount": amount,
        "currency": currency,
        "description": description,
        "discount_amounts": [],
        "discountable": more.get("discountable", True),
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": more.get("metadata") or {},
        "parent": more.get("parent"),
        "period": {"start": period[0], "end": period[1]},
        "pretax_credit_amounts": [],
        "pricing": pricing,
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "subscription": more.get("subscription"),
        "subtotal": amount,
        "taxes": [],
    }


def item_parent(
    item: Obj, subscription_id: str, *, proration: Obj | None = None, invoice_item: str | None = None
) -> Obj:
    """The parent of a line that a subscription item brings about; `proration` holds what a credit line credits."""
    return {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": invoice_item,
            "proration": proration is not None,
            "proration_details": proration,
            "subscription": subscription_id,
            "subscription_item": item["id"],
        },
    }


def draft(w: World, customer: Obj, *, currency: str, reason: str, lines: list[Obj], **more: object) -> Obj:
    """A draft with these lines, kept and told of.

    `more`: subscription (the object), and any field of the invoice itself.
    """
    invoice = drawn(w, customer, currency=currency, reason=reason, lines=lines, **more)
    return w.insert(invoice, "invoice.created")


def drawn(w: World, customer: Obj, *, currency: str, reason: str, lines: list[Obj], **more: object) -> Obj:
    """The same draft, not kept anywhere."""
    subscription = more.pop("subscription", None)
    invoice_id = str(more.pop("id", None) or w.new_id("in_"))
    invoice = _blank(w, invoice_id, customer, currency) | {"billing_reason": reason}
    if isinstance(subscription, dict):
        invoice |= {
            "collection_method": subscription["collection_method"],
            "default_payment_method": None,
            "description": subscription["description"],
            "parent": {
                "type": "subscription_details",
                "quote_details": None,
                "subscription_details": {"metadata": subscription["metadata"], "subscription": subscription["id"]},
            },
        }
    invoice.update(more)
    set_lines(w, invoice, lines)
    return invoice


def set_lines(w: World, invoice: Obj, lines: list[Obj]) -> None:
    """Put these lines on a draft and sum up."""
    for entry in lines:
        entry["invoice"] = invoice["id"]
        entry["discounts"] = invoice["discounts"] if entry["discountable"] else []
    discounts.take_off(w, lines, invoice["discounts"], invoice["currency"])
    invoice["lines"] = list_object(lines, f"/v1/invoices/{invoice['id']}/lines")
    sum_up(invoice)


def sum_up(invoice: Obj) -> None:
    """Subtotal, discounts, total and what is due, from the lines."""
    lines = invoice["lines"]["data"]
    off: dict[str, int] = dict.fromkeys(invoice["discounts"], 0)
    for entry in lines:
        for taken in entry["discount_amounts"]:
            off[taken["discount"]] = off.get(taken["discount"], 0) + taken["amount"]
    subtotal = sum(entry["amount"] for entry in lines)
    total = subtotal - sum(off.values())
    invoice |= {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_excluding_tax": total,
        "total_discount_amounts": [{"amount": amount, "discount": discount} for discount, amount in off.items()],
    }
    due, _ = _due_of(invoice, invoice["starting_balance"])
    invoice["amount_due"] = due
    invoice["amount_remaining"] = due - invoice["amount_paid"]


def finalise(w: World, invoice: Obj, *, paid_by: Obj | None = None) -> Obj:
    """Make a draft final: a number, the customer's balance set off, and, where something is due, a payment intent.

    An invoice that is written for a payment already made (`paid_by`) leaves the balance alone.
    """
    customer = w.load("customer", invoice["customer"])
    if paid_by is None:
        _settle_with_balance(invoice, customer)
    else:
        invoice |= {"starting_balance": 0, "ending_balance": 0, "amount_due": invoice["total"]}
        invoice["amount_remaining"] = invoice["total"]
    number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
    customer["next_invoice_sequence"] += 1
    customer["currency"] = customer["currency"] or invoice["currency"]
    moved = paid_by is None and customer["balance"] != invoice["starting_balance"]
    w.change(customer, "customer.updated" if moved else None)
    token = w.ids.text(40)
    invoice |= {
        "status": "open",
        "number": number,
        "effective_at": w.now,
        "automatically_finalizes_at": None,
        "hosted_invoice_url": f"{w.public_url}/i/{invoice['id']}?key={token}",
        "invoice_pdf": f"{w.public_url}/i/{invoice['id']}/pdf?key={token}",
        "status_transitions": invoice["status_transitions"] | {"finalized_at": w.now},
    }
    if invoice["collection_method"] == "send_invoice" and invoice["due_date"] is None:
        invoice["due_date"] = w.now
    w.change(invoice)
    if paid_by is not None:
        link_payment(w, invoice, paid_by["id"])
    elif invoice["amount_due"] > 0:
        _ask_for_payment(w, invoice)
    w.emit("invoice.finalized", invoice)
    return invoice


def intent_of(w: World, invoice: Obj) -> Obj | None:
    """The payment intent by which the invoice is to be paid."""
    for payment_id in w.store.select("invoice_payment", "invoice", invoice["id"]):
        payment = w.load("invoice_payment", payment_id)
        if payment["is_default"]:
            return w.load("payment_intent", payment["payment"]["payment_intent"])
    return None


def invoice_of(w: World, intent_id: str) -> Obj | None:
    """The invoice that a payment intent is to pay."""
    for payment_id in w.store.select("invoice_payment", "payment.payment_intent", intent_id):
        return w.load("invoice", w.load("invoice_payment", payment_id)["invoice"])
    return None


def link_payment(w: World, invoice: Obj, intent_id: str) -> Obj:
    """The record that ties a payment intent to the invoice."""
    payment = {
        "id": w.new_id("inpay_"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_due"],
        "created": w.now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"type": "payment_intent", "payment_intent": intent_id},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
    return w.insert(payment)


def cancel_intent(w: World, invoice: Obj) -> None:
    """Give up the payment intent of an invoice that will not be paid."""
    intent = intent_of(w, invoice)
    if intent and intent["status"] in _UNPAID_PI:
        payments.cancel(w, intent, "void_invoice")
    for payment_id in w.store.select("invoice_payment", "invoice", invoice["id"]):
        payment = w.load("invoice_payment", payment_id)
        if payment["status"] == "open":
            payment |= {"status": "canceled"}
            payment["status_transitions"]["canceled_at"] = w.now
            w.change(payment)


def subscription_of(w: World, invoice: Obj) -> Obj | None:
    """The subscription that an invoice is for."""
    parent = invoice["parent"]
    if not parent or not parent["subscription_details"]:
        return None
    return w.load("subscription", parent["subscription_details"]["subscription"])


def _due_of(invoice: Obj, balance: int) -> tuple[int, int]:
    """What is due of an invoice, and the customer's balance after it: what is too little to charge waits there."""
    due = invoice["total"] + balance
    if invoice["total"] <= 0 or due < 0 or 0 < due < minimum_charge(invoice["currency"]):
        return 0, due
    return due, 0


def _settle_with_balance(invoice: Obj, customer: Obj) -> None:
    start = customer["balance"]
    due, end = _due_of(invoice, start)
    invoice |= {"starting_balance": start, "ending_balance": end, "amount_due": due, "amount_remaining": due}
    customer["balance"] = end


def _ask_for_payment(w: World, invoice: Obj) -> None:
    description = (
        "Subscription creation" if invoice["billing_reason"] == "subscription_create" else "Subscription update"
    )
    saved = "off_session" if invoice["parent"] else None
    intent = payments.new_intent(
        w,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        description=description if invoice["parent"] else invoice["description"],
        setup_future_usage=saved,
    )
    link_payment(w, invoice, intent["id"])


def _blank(w: World, invoice_id: str, customer: Obj, currency: str) -> Obj:
    return {
        "id": invoice_id,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Sandbox",
        "account_tax_ids": None,
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": None,
        "billing_reason": "manual",
        "collection_method": "charge_automatically",
        "created": w.now,
        "currency": currency,
        "custom_fields": None,
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": list_object([], f"/v1/invoices/{invoice_id}/lines"),
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "parent": None,
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": w.now,
        "period_start": w.now,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": customer["balance"],
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": 0,
        "subtotal_excluding_tax": 0,
        "test_clock": customer["test_clock"],
        "total": 0,
        "total_discount_amounts": [],
        "total_excluding_tax": 0,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": None,
    }
