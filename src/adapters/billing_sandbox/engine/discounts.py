"""Coupons, promotion codes, and what they take off an invoice."""

from attrs import frozen

from billing_sandbox.engine.calendar import add_months
from billing_sandbox.engine.errors import InvalidParam, InvalidRequest
from billing_sandbox.engine.money import share
from billing_sandbox.engine.objects import Obj
from billing_sandbox.engine.params import TEXT, Clear, Hash, ListOf
from billing_sandbox.engine.world import World

DISCOUNTS = Clear(ListOf(Hash({"coupon": TEXT, "promotion_code": TEXT, "discount": TEXT})))
"""The `discounts` parameter of subscriptions and invoices."""

_HUNDREDTHS_OF_A_PERCENT = 10_000


@frozen
class Chosen:
    """A coupon, and the promotion code by which it was chosen."""

    coupon: Obj
    promotion_code: str | None = None


def choose(w: World, asked: Obj, customer: str | None = None) -> Chosen:
    """The coupon that one entry of `discounts` names.

    Raises:
        InvalidRequest: It is unknown, expired, used up, or meant for somebody else.
    """
    if "promotion_code" in asked:
        code = w.given("promotion_code", asked["promotion_code"], "discounts[0][promotion_code]")
        if not usable(w, code, customer):
            message = "This promotion code cannot be redeemed."
            raise InvalidRequest(message, param="discounts[0][promotion_code]", code="promotion_code_invalid")
        return Chosen(w.load("coupon", code["promotion"]["coupon"]), code["id"])
    if "coupon" not in asked:
        message = "Each discount needs a `coupon` or a `promotion_code`."
        raise InvalidParam(message, param="discounts[0]")
    coupon = w.given("coupon", asked["coupon"], "discounts[0][coupon]")
    if not _valid(w, coupon):
        message = f"Coupon {coupon['id']} is expired and cannot be applied."
        raise InvalidRequest(message, param="discounts[0][coupon]", code="coupon_expired")
    return Chosen(coupon)


def usable(w: World, code: Obj, customer: str | None) -> bool:
    """Whether a promotion code may be redeemed now, by this customer."""
    spent = code["max_redemptions"] is not None and code["times_redeemed"] >= code["max_redemptions"]
    expired = code["expires_at"] is not None and code["expires_at"] <= w.now
    foreign = code["customer"] is not None and code["customer"] != customer
    return (
        code["active"]
        and not (spent or expired or foreign)
        and _valid(w, w.load("coupon", code["promotion"]["coupon"]))
    )


def redeem(w: World, chosen: Chosen, *, customer: str | None, **owner: str) -> Obj:
    """Give the coupon to a subscription, invoice or customer: a discount, and one redemption more."""
    coupon = chosen.coupon
    end = add_months(w.now, coupon["duration_in_months"]) if coupon["duration"] == "repeating" else None
    discount: Obj = {
        "id": w.new_id("di_"),
        "object": "discount",
        "checkout_session": owner.get("checkout_session"),
        "customer": customer,
        "end": end,
        "invoice": owner.get("invoice"),
        "invoice_item": None,
        "promotion_code": chosen.promotion_code,
        "source": {"type": "coupon", "coupon": coupon["id"]},
        "start": w.now,
        "subscription": owner.get("subscription"),
        "subscription_item": None,
    }
    w.insert(discount, "customer.discount.created" if customer else None)
    coupon["times_redeemed"] += 1
    coupon["valid"] = _valid(w, coupon)
    w.change(coupon, "coupon.updated")
    if chosen.promotion_code:
        code = w.load("promotion_code", chosen.promotion_code)
        code["times_redeemed"] += 1
        w.change(code, "promotion_code.updated")
    return discount


def running(w: World, discount_ids: list[str], at: int) -> list[Obj]:
    """Those discounts that have not ended at the moment given."""
    found = [w.load("discount", discount_id) for discount_id in discount_ids]
    return [discount for discount in found if discount["end"] is None or discount["end"] > at]


def due_to(w: World, subscription: Obj) -> list[str]:
    """Which discounts lessen the next invoice of a subscription: its own, else that of its customer."""
    held = w.load("customer", subscription["customer"]).get("discount")
    of_customer = [held["id"]] if held else []
    return [one["id"] for one in running(w, subscription["discounts"] or of_customer, w.now)]


def give_to_customer(w: World, customer_id: str, coupon_id: str) -> Obj:
    """Give a customer a discount, instead of the one that they have: the Dashboard does, no call does any more."""
    customer = w.named("customer", customer_id, "customer")
    if customer["discount"]:
        take_from_customer(w, customer)
    discount = redeem(w, choose(w, {"coupon": coupon_id}), customer=customer_id)
    w.change(w.load("customer", customer_id) | {"discount": discount}, "customer.updated")
    if discount["end"] is not None:
        w.schedule(discount["end"], "end_customer_discount", discount["id"])
    return discount


def take_from_customer(w: World, customer: Obj) -> Obj:
    """Take the discount of a customer away; the discount."""
    discount: Obj = customer["discount"]
    w.change(customer | {"discount": None}, "customer.updated")
    w.emit("customer.discount.deleted", discount)
    return discount


def end_customer_discount(w: World, discount_id: str) -> None:
    """The time of a coupon is over."""
    customer = w.load("customer", w.load("discount", discount_id)["customer"])
    if (customer.get("discount") or {}).get("id") == discount_id:
        take_from_customer(w, customer)


def use_up(w: World, subscription: Obj) -> None:
    """After an invoice: discounts that count once are over."""
    customer = w.load("customer", subscription["customer"])
    held = customer.get("discount") if not subscription["discounts"] else None
    if held and w.load("coupon", held["source"]["coupon"])["duration"] == "once":
        take_from_customer(w, customer)
    for discount_id in list(subscription["discounts"]):
        discount = w.load("discount", discount_id)
        if w.load("coupon", discount["source"]["coupon"])["duration"] == "once":
            subscription["discounts"] = [held for held in subscription["discounts"] if held != discount_id]
            w.change(subscription, "customer.subscription.updated")
            w.emit("customer.discount.deleted", discount)


def amounts_off(coupon: Obj, amounts: list[int], currency: str) -> list[int]:
    """What a coupon takes off each amount: a share of each, or one sum spread over all, never more than is there."""
    payable = [max(amount, 0) for amount in amounts]
    if coupon["percent_off"] is not None:
        off = round(coupon["percent_off"] * 100)
        return [share(amount, off, _HUNDREDTHS_OF_A_PERCENT, currency) for amount in payable]
    total = sum(payable)
    if total == 0 or coupon["currency"] != currency:
        return [0 for _ in payable]
    left_sum, left_total, parts = min(coupon["amount_off"], total), total, []
    for amount in payable:
        part = share(left_sum, amount, left_total, currency) if left_total else 0
        parts.append(part)
        left_sum -= part
        left_total -= amount
    return parts


def take_off(w: World, lines: list[Obj], discount_ids: list[str], currency: str) -> None:
    """Write each discount's part on the lines that may be discounted, one discount after the other."""
    open_lines = [line for line in lines if line["discountable"] and line["amount"] > 0]
    for line in lines:
        line["discount_amounts"] = []
    for discount_id in discount_ids:
        coupon = w.load("coupon", w.load("discount", discount_id)["source"]["coupon"])
        rest = [line["amount"] - sum(d["amount"] for d in line["discount_amounts"]) for line in open_lines]
        for line, part in zip(open_lines, amounts_off(coupon, rest, currency), strict=True):
            line["discount_amounts"].append({"amount": part, "discount": discount_id})


def _valid(w: World, coupon: Obj) -> bool:
    spent = coupon["max_redemptions"] is not None and coupon["times_redeemed"] >= coupon["max_redemptions"]
    expired = coupon["redeem_by"] is not None and coupon["redeem_by"] <= w.now
    return not (spent or expired)
