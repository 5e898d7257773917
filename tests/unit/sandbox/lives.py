"""A broad story, played once: nearly everything that the sandbox can do and tell."""

from billing_sandbox.engine import disputes, refunds
from billing_sandbox.engine.objects import DAY, Obj
from tests.unit.sandbox.play import Play


def whole_story(play: Play) -> list[Obj]:
    """Play it; the objects that were answered on the way."""
    seen: list[Obj] = []
    seen += _catalogue(play)
    seen += _checkouts(play)
    seen += _subscriptions(play)
    seen += _money_back(play)
    seen += _everything_listed(play)
    return seen


def _catalogue(play: Play) -> list[Obj]:
    product = play.post(
        "/v1/products", name="Course", metadata={"k": "v"}, default_price_data={"currency": "usd", "unit_amount": 900}
    )
    price = play.price(4900, interval=None, product=product["id"])
    coupon = play.post("/v1/coupons", percent_off="25", duration="repeating", duration_in_months=3)
    code = play.post("/v1/promotion_codes", promotion={"type": "coupon", "coupon": coupon["id"]}, code="SPRING")
    endpoint = play.post("/v1/webhook_endpoints", url="http://127.0.0.1:9/hook", enabled_events=["*"])
    return [product, price, coupon, code, endpoint, play.get("/v1/account")]


def _session(play: Play, mode: str, **params: object) -> Obj:
    return play.post("/v1/checkout/sessions", mode=mode, success_url="http://127.0.0.1/ok", **params)


def _checkouts(play: Play) -> list[Obj]:
    item = {"quantity": 2, "price_data": {"currency": "eur", "unit_amount": 4900, "product_data": {"name": "Path"}}}
    one_off = _session(
        play, "payment", line_items=[item], invoice_creation={"enabled": True}, customer_email="a@example.com"
    )
    monthly = _session(
        play, "subscription", line_items=[{"price": play.price()["id"], "quantity": 1}], allow_promotion_codes=True
    )
    trial = _session(
        play,
        "subscription",
        line_items=[{"price": play.price()["id"], "quantity": 1}],
        customer=play.customer()["id"],
        subscription_data={"trial_period_days": 7, "metadata": {"plan": "pro"}},
    )
    saved = _session(play, "setup", currency="usd", customer=play.customer(None)["id"])
    left = _session(play, "payment", line_items=[item])
    done = [play.pay(session) for session in (one_off, monthly, trial, saved)]
    expired = play.post(f"/v1/checkout/sessions/{left['id']}/expire")
    lines = play.get(f"/v1/checkout/sessions/{one_off['id']}/line_items")["data"]
    portal = play.post("/v1/billing_portal/sessions", customer=done[1]["customer"])
    return [one_off, monthly, trial, saved, *done, expired, *lines, portal]


def _subscriptions(play: Play) -> list[Obj]:
    customer, pro, team = play.customer(), play.price(2900), play.price(9900)
    coupon = play.post("/v1/coupons", amount_off=500, currency="usd", duration="once")
    subscription = play.subscription(customer, pro, metadata={"user": "7"}, discounts=[{"coupon": coupon["id"]}])
    item = {"id": subscription["items"]["data"][0]["id"], "price": team["id"], "quantity": 1}
    play.wait(days=10)
    details = {"items": [item], "proration_behavior": "create_prorations"}
    preview = play.post("/v1/invoices/create_preview", subscription=subscription["id"], subscription_details=details)
    changed = play.post(f"/v1/subscriptions/{subscription['id']}", items=[item])
    play.wait(days=30)
    method = play.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", customer=customer["id"])
    play.post(f"/v1/customers/{customer['id']}", invoice_settings={"default_payment_method": method["id"]})
    incomplete = play.subscription(play.customer(None), pro, payment_behavior="default_incomplete")
    scheduled = play.subscription(play.customer(), team)
    schedule = play.post("/v1/subscription_schedules", from_subscription=scheduled["id"])
    paused = play.subscription(play.customer(), pro)
    paused = play.post(f"/v1/subscriptions/{paused['id']}/pause", type="subscription")
    held = play.subscription(play.customer(), pro)
    held = play.post(f"/v1/subscriptions/{held['id']}", pause_collection={"behavior": "void"})
    ending = play.subscription(play.customer(), pro)
    ending = play.post(f"/v1/subscriptions/{ending['id']}", cancel_at_period_end=True)
    gone = play.delete(
        f"/v1/subscriptions/{play.subscription(play.customer(), pro)['id']}", prorate=True, invoice_now=True
    )
    play.wait(days=45)
    resumed = play.post(f"/v1/subscriptions/{paused['id']}/resume")
    return [subscription, preview, changed, incomplete, schedule, paused, held, ending, gone, resumed]


def _money_back(play: Play) -> list[Obj]:
    customer = play.customer()
    intents = [
        play.post(
            "/v1/payment_intents",
            amount=5000,
            currency="usd",
            customer=customer["id"],
            confirm=True,
            payment_method=token,
        )
        for token in ("pm_card_visa", "pm_card_pendingRefund", "pm_card_createDispute", "pm_usBankAccount")
    ]
    action = play.post(
        "/v1/payment_intents",
        amount=5000,
        currency="usd",
        confirm=True,
        payment_method="pm_card_authenticationRequired",
    )
    partial = play.post("/v1/refunds", payment_intent=intents[0]["id"], amount=2000, reason="requested_by_customer")
    slow = play.post("/v1/refunds", payment_intent=intents[1]["id"])
    failed = play.engine.do(lambda w: refunds.fail(w, w.load("refund", partial["id"])))
    dispute = play.get("/v1/disputes")["data"][0]
    won = play.engine.do(lambda w: disputes.decide(w, w.load("dispute", dispute["id"]), "won"))
    setup = play.post("/v1/setup_intents", customer=customer["id"], confirm=True, payment_method="pm_card_visa")
    item = play.post("/v1/invoiceitems", customer=customer["id"], amount=1500, currency="usd", description="Help")
    invoice = play.post("/v1/invoices", customer=customer["id"], pending_invoice_items_behavior="include")
    paid = play.post(f"/v1/invoices/{invoice['id']}/pay")
    play.engine.advance_to(play.now + 4 * DAY)
    return [*intents, action, partial, slow, failed, dispute, won, setup, item, invoice, paid]


def _everything_listed(play: Play) -> list[Obj]:
    paths = (
        "balance_transactions", "charges", "checkout/sessions", "coupons", "customers", "disputes", "events",
        "invoice_payments", "invoiceitems", "invoices", "payment_intents", "prices", "products", "promotion_codes",
        "refunds", "setup_intents", "subscription_schedules", "webhook_endpoints",
    )  # fmt: skip
    found = [obj for path in paths for obj in play.get(f"/v1/{path}", limit=100)["data"]]
    found += play.get("/v1/subscriptions", status="all", limit=100)["data"]
    return found
