"""Completing a checkout session: what the page does when somebody presses the button."""

from attrs import frozen

from billing_sandbox.engine import collection, payments
from billing_sandbox.engine.cards import Card
from billing_sandbox.engine.checkout import due_now, lines_of, trial_end
from billing_sandbox.engine.customers import create as create_customer
from billing_sandbox.engine.discounts import Chosen, redeem, use_up
from billing_sandbox.engine.errors import CardDeclined, InvalidRequest
from billing_sandbox.engine.invoices import draft, finalise, intent_of, line
from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.payment_intents import keep_method
from billing_sandbox.engine.payment_methods import attach, new_method
from billing_sandbox.engine.setup_intents import confirm as confirm_setup
from billing_sandbox.engine.setup_intents import declined, new_setup_intent
from billing_sandbox.engine.subscriptions import Wanted, begin, payment_error
from billing_sandbox.engine.world import World

NEEDS_AUTHENTICATION = "authentication_required"


@frozen(kw_only=True)
class Buyer:
    """What somebody filled in."""

    email: str | None = None
    name: str | None = None
    #: None where no method is needed (a free trial that collects none).
    card: Card | None = None
    expires: tuple[int, int] = (12, 2034)
    #: Whether the bank's question (3-D Secure) was answered with yes.
    authenticated: bool = False


def complete(w: World, session: Obj, buyer: Buyer) -> Obj:
    """Pay, subscribe or save, as the session says. Returns the completed session.

    Raises:
        CardDeclined: The card was refused, or (code `authentication_required`) asks for authentication first.
            In subscription mode nothing of the attempt remains.
        InvalidRequest: The session is not open, or something is missing.
    """
    if session["status"] != "open":
        message = f"This Checkout Session is {session['status']}."
        raise InvalidRequest(message)
    if buyer.card is None and method_needed(session):
        message = "A payment method is needed."
        raise InvalidRequest(message, param="card")
    complete_mode = {"payment": _pay, "subscription": _subscribe, "setup": _set_up}[session["mode"]]
    customer = _customer(w, session, buyer)
    email = buyer.email or session["customer_email"] or (customer or {}).get("email")
    details = {"address": None, "business_name": None, "email": email, "individual_name": None, "name": buyer.name}
    details |= {"phone": None, "tax_exempt": "none", "tax_ids": []}
    session |= {"customer": customer["id"] if customer else None}
    done = complete_mode(w, session, customer, buyer)
    done |= {"status": "complete", "customer_details": details, "url": None}
    w.change(done)
    w.emit("checkout.session.completed", done)
    return done


def method_needed(session: Obj) -> bool:
    """Whether the page must ask for a payment method."""
    if session["mode"] == "subscription":
        return session["payment_method_collection"] == "always" or due_now(session) > 0
    return session["mode"] == "setup" or due_now(session) > 0


def async_result(w: World, session: Obj, *, succeeded: bool) -> Obj:
    """The delayed payment of a completed session has ended."""
    if succeeded:
        session["payment_status"] = "paid"
        w.change(session)
    w.emit(f"checkout.session.async_payment_{'succeeded' if succeeded else 'failed'}", session)
    return session


def _customer(w: World, session: Obj, buyer: Buyer) -> Obj | None:
    if session["customer"]:
        return w.load("customer", session["customer"])
    future = w.store.private(session["id"]).get("payment_intent_data", {}).get("setup_future_usage")
    wanted = session["customer_creation"] == "always" or session["mode"] == "subscription" or future
    invoiced = session["invoice_creation"] and session["invoice_creation"]["enabled"]
    if not (wanted or invoiced):
        return None
    email = buyer.email or session["customer_email"]
    given = {"email": email, "name": buyer.name}
    return create_customer(w, {name: value for name, value in given.items() if value})


def _method(w: World, buyer: Buyer) -> Obj | None:
    if buyer.card is None:
        return None
    return new_method(w, buyer.card, expires=buyer.expires, details={"email": buyer.email, "name": buyer.name})


def _pay(w: World, session: Obj, customer: Obj | None, buyer: Buyer) -> Obj:
    data = w.store.private(session["id"]).get("payment_intent_data", {})
    if session["amount_total"] == 0:
        session["payment_status"] = "no_payment_required"
        return _with_invoice(w, session, customer, None)
    intent = _session_intent(w, session, customer, data)
    method = _method(w, buyer)
    if method is None:
        message = "A payment method is needed."
        raise InvalidRequest(message, param="card")
    intent = payments.confirm(w, intent, method, authenticated=buyer.authenticated)
    if intent["status"] == "requires_action":
        raise _authentication_needed()
    if intent["last_payment_error"]:
        error = {name: value for name, value in intent["last_payment_error"].items() if name != "type"}
        raise CardDeclined(error)
    keep_method(w, intent)
    session |= {
        "payment_intent": intent["id"],
        "payment_status": "unpaid" if intent["status"] == "processing" else "paid",
    }
    return _with_invoice(w, session, customer, intent)


def _session_intent(w: World, session: Obj, customer: Obj | None, data: Obj) -> Obj:
    if session["payment_intent"]:
        return w.load("payment_intent", session["payment_intent"])
    intent = payments.new_intent(
        w,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=customer["id"] if customer else None,
        description=data.get("description"),
        metadata=data.get("metadata") or {},
        capture_method=data.get("capture_method"),
        receipt_email=data.get("receipt_email"),
        setup_future_usage=data.get("setup_future_usage"),
        statement_descriptor=data.get("statement_descriptor"),
    )
    session["payment_intent"] = intent["id"]
    w.store.put(session)
    return intent


def _with_invoice(w: World, session: Obj, customer: Obj | None, intent: Obj | None) -> Obj:
    creation = session["invoice_creation"]
    if not creation["enabled"] or customer is None:
        return session
    given = creation["invoice_data"]
    lines = [
        line(
            w,
            amount=entry["amount_subtotal"],
            currency=entry["currency"],
            description=entry["description"],
            period=(w.now, w.now),
            price=entry["price"],
            quantity=entry["quantity"],
        )
        for entry in lines_of(w, session["id"])
    ]
    discounts = [redeem(w, c, customer=None, checkout_session=session["id"])["id"] for c in _chosen(w, session)]
    invoice = draft(
        w,
        w.load("customer", customer["id"]),
        currency=session["currency"],
        reason="manual",
        lines=lines,
        discounts=discounts,
        description=given["description"],
        footer=given["footer"],
        metadata=given["metadata"],
        auto_advance=False,
    )
    invoice = finalise(w, invoice, paid_by=intent)
    session["invoice"] = invoice["id"]
    if intent is None or intent["status"] == "succeeded":
        collection.mark_paid(w, invoice, intent)
    return session


def _subscribe(w: World, session: Obj, customer: Obj | None, buyer: Buyer) -> Obj:
    if customer is None:
        message = "A subscription needs a customer."
        raise InvalidRequest(message, param="customer")
    data = w.store.private(session["id"]).get("subscription_data", {})
    method = _method(w, buyer)
    if method is not None:
        if buyer.card is not None and buyer.card.authentication and not buyer.authenticated:
            raise _authentication_needed()
        attach(w, method, customer["id"])
        w.store.put_private(method["id"], w.store.private(method["id"]) | {"set_up": True})
    lines = lines_of(w, session["id"])
    settings = data.get("trial_settings", {}).get("end_behavior", {})
    one_time = [
        line(
            w,
            amount=entry["amount_subtotal"],
            currency=entry["currency"],
            description=entry["description"],
            period=(w.now, w.now),
            price=entry["price"],
            quantity=entry["quantity"],
        )
        for entry in lines
        if entry["price"]["type"] == "one_time"
    ]
    wanted = Wanted(
        customer=w.load("customer", customer["id"]),
        items=[(e["price"], e["quantity"], e["metadata"]) for e in lines if e["price"]["type"] == "recurring"],
        metadata=data.get("metadata") or {},
        trial_end=trial_end(w, session),
        anchor=data.get("billing_cycle_anchor"),
        prorate=data.get("proration_behavior") != "none",
        missing_method=settings.get("missing_payment_method", "create_invoice"),
        default_method=method["id"] if method else None,
        description=data.get("description"),
        discounts=_chosen(w, session),
        extra_lines=one_time,
    )
    subscription, invoice = begin(w, wanted, told=False)
    session |= {"subscription": subscription["id"], "invoice": invoice["id"]}
    return _first_invoice(w, session, invoice, method, buyer)


def _first_invoice(w: World, session: Obj, invoice: Obj, method: Obj | None, buyer: Buyer) -> Obj:
    subscription_id = session["subscription"]
    invoice = finalise(w, invoice)
    if invoice["amount_due"] == 0:
        _tell_of(w, w.load("subscription", subscription_id))
        collection.mark_paid(w, invoice)
        return session | {"payment_status": "no_payment_required"}
    intent = intent_of(w, invoice)
    if method is None or intent is None:
        message = "A payment method is needed."
        raise InvalidRequest(message, param="card")
    intent = payments.confirm(w, intent, method, authenticated=buyer.authenticated)
    if intent["last_payment_error"]:
        raise payment_error(w, invoice)
    _tell_of(w, w.load("subscription", subscription_id) | {"status": "active"})
    collection.follow(w, invoice, intent, method)
    return session | {"payment_status": "unpaid" if intent["status"] == "processing" else "paid"}


def _tell_of(w: World, subscription: Obj) -> None:
    """A subscription is there; only then anything else of it changes."""
    w.store.put(subscription)
    w.emit("customer.subscription.created", subscription)
    use_up(w, w.load("subscription", subscription["id"]))


def _set_up(w: World, session: Obj, customer: Obj | None, buyer: Buyer) -> Obj:
    data = w.store.private(session["id"]).get("setup_intent_data", {})
    if session["setup_intent"]:
        intent = w.load("setup_intent", session["setup_intent"])
    else:
        intent = new_setup_intent(
            w,
            customer=customer["id"] if customer else None,
            usage="off_session",
            description=data.get("description"),
            metadata=data.get("metadata") or {},
        )
        session["setup_intent"] = intent["id"]
        w.store.put(session)
    method = _method(w, buyer)
    if method is None:
        message = "A payment method is needed."
        raise InvalidRequest(message, param="card")
    intent = confirm_setup(w, intent, method, authenticated=buyer.authenticated)
    if intent["status"] == "requires_action":
        raise _authentication_needed()
    if intent["last_setup_error"]:
        raise declined(intent)
    return session


def _chosen(w: World, session: Obj) -> list[Chosen]:
    chosen = []
    for entry in session["discounts"]:
        code = entry["promotion_code"]
        coupon = w.load("promotion_code", code)["promotion"]["coupon"] if code else entry["coupon"]
        chosen.append(Chosen(w.load("coupon", coupon), code))
    return chosen


def _authentication_needed() -> CardDeclined:
    message = "Your bank asks you to confirm this payment."
    return CardDeclined({"code": NEEDS_AUTHENTICATION, "message": message}, keep=False)
