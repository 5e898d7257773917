"""Making and changing coupons and promotion codes."""

from billing_sandbox.engine.discounts import usable
from billing_sandbox.engine.errors import InvalidParam, InvalidRequest
from billing_sandbox.engine.money import require_currency
from billing_sandbox.engine.objects import Obj, merge_metadata
from billing_sandbox.engine.operations import PAGE, Operation, retrieve
from billing_sandbox.engine.pagination import listed
from billing_sandbox.engine.params import (
    AMOUNT,
    BOOL,
    CURRENCY,
    INT,
    TEXT,
    Clear,
    Decimal,
    Hash,
    Int,
    Metadata,
    Text,
    TimeFilter,
    words,
)
from billing_sandbox.engine.world import World

_HUNDRED = 100


def create_coupon(w: World, p: Obj) -> Obj:
    """A coupon: a percentage or an amount off, once, for some months or for ever."""
    if ("percent_off" in p) == ("amount_off" in p):
        message = "You must pass either `percent_off` or `amount_off`."
        raise InvalidParam(message, param="percent_off")
    if "amount_off" in p and "currency" not in p:
        message = "You must pass `currency` when passing `amount_off`."
        raise InvalidParam(message, param="currency", code="parameter_missing")
    duration = p.get("duration", "once")
    if (duration == "repeating") != ("duration_in_months" in p):
        message = "`duration_in_months` goes with `duration=repeating`."
        raise InvalidParam(message, param="duration_in_months")
    percent = float(p["percent_off"]) if "percent_off" in p else None
    if percent is not None and not 0 < percent <= _HUNDRED:
        message = "Invalid percent_off: must be greater than 0 and at most 100"
        raise InvalidParam(message, param="percent_off")
    coupon_id = p.get("id") or w.ids.text(8)
    if w.store.find("coupon", coupon_id):
        message = f"Coupon already exists with ID {coupon_id}."
        raise InvalidRequest(message, param="id", code="resource_already_exists")
    coupon = {
        "id": coupon_id,
        "object": "coupon",
        "amount_off": p.get("amount_off"),
        "created": w.now,
        "currency": require_currency(p["currency"]) if "amount_off" in p else None,
        "duration": duration,
        "duration_in_months": p.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": p.get("max_redemptions"),
        "metadata": merge_metadata({}, p.get("metadata", {})),
        "name": p.get("name"),
        "percent_off": percent,
        "redeem_by": p.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }
    return w.insert(coupon, "coupon.created")


def update_coupon(w: World, p: Obj, coupon_id: str) -> Obj:
    """Change name or metadata."""
    coupon = w.named("coupon", coupon_id, "coupon")
    if "name" in p:
        coupon["name"] = p["name"]
    if "metadata" in p:
        coupon["metadata"] = merge_metadata(coupon["metadata"], p["metadata"])
    w.change(coupon, "coupon.updated")
    return coupon


def delete_coupon(w: World, _p: Obj, coupon_id: str) -> Obj:
    """No more redemptions; discounts that were given stay."""
    coupon = w.named("coupon", coupon_id, "coupon")
    w.store.put(coupon | {"valid": False, "deleted": True})
    w.emit("coupon.deleted", coupon)
    return {"id": coupon_id, "object": "coupon", "deleted": True}


def create_code(w: World, p: Obj) -> Obj:
    """A code that customers type in to get a coupon."""
    if "coupon" not in p["promotion"]:
        message = "Missing required param: promotion[coupon]."
        raise InvalidParam(message, param="promotion[coupon]", code="parameter_missing")
    coupon = w.given("coupon", p["promotion"]["coupon"], "promotion[coupon]")
    code = p.get("code") or w.ids.text(8).upper()
    if any(w.load("promotion_code", held)["active"] for held in w.store.select("promotion_code", "code", code)):
        message = f"An active promotion code with `code: {code}` already exists."
        raise InvalidRequest(message, param="code", code="resource_already_exists")
    asked = p.get("restrictions") or {}
    promotion_code = {
        "id": w.new_id("promo_"),
        "object": "promotion_code",
        "active": p.get("active", True),
        "code": code,
        "created": w.now,
        "customer": p.get("customer"),
        "expires_at": p.get("expires_at"),
        "livemode": False,
        "max_redemptions": p.get("max_redemptions"),
        "metadata": merge_metadata({}, p.get("metadata", {})),
        "promotion": {"type": "coupon", "coupon": coupon["id"]},
        "restrictions": {
            "first_time_transaction": asked.get("first_time_transaction", False),
            "minimum_amount": asked.get("minimum_amount"),
            "minimum_amount_currency": asked.get("minimum_amount_currency"),
        },
        "times_redeemed": 0,
    }
    return w.insert(promotion_code, "promotion_code.created")


def update_code(w: World, p: Obj, code_id: str) -> Obj:
    """Switch a code on or off, or change its metadata."""
    code = w.named("promotion_code", code_id, "promotion_code")
    if "active" in p:
        code["active"] = p["active"]
    if "metadata" in p:
        code["metadata"] = merge_metadata(code["metadata"], p["metadata"])
    w.change(code, "promotion_code.updated")
    return code


def code_typed(w: World, text: str, customer: str | None) -> Obj | None:
    """The usable promotion code that somebody typed, in whatever case."""
    for code in w.store.each("promotion_code"):
        if code["code"].casefold() == text.strip().casefold() and usable(w, code, customer):
            return code
    return None


def list_coupons(w: World, p: Obj) -> Obj:
    """Coupons that were not deleted."""
    return listed(w, "coupon", p | {"_deleted": None}, by={"_deleted": "deleted"}, url="/v1/coupons")


def list_codes(w: World, p: Obj) -> Obj:
    """Promotion codes by activity, code, coupon or customer."""
    by = {"active": "active", "code": "code", "coupon": "promotion.coupon", "customer": "customer"}
    return listed(w, "promotion_code", p, by=by, url="/v1/promotion_codes")


OPERATIONS = (
    Operation(
        "POST",
        "/v1/coupons",
        create_coupon,
        {
            "amount_off": Int(least=1),
            "currency": CURRENCY,
            "duration": words("forever", "once", "repeating"),
            "duration_in_months": Int(least=1),
            "id": TEXT,
            "max_redemptions": Int(least=1),
            "metadata": Metadata(),
            "name": Text(40),
            "percent_off": Decimal(),
            "redeem_by": INT,
        },
    ),
    Operation("GET", "/v1/coupons", list_coupons, {**PAGE, "created": TimeFilter()}),
    Operation("GET", "/v1/coupons/{coupon}", retrieve("coupon", "coupon")),
    Operation("POST", "/v1/coupons/{coupon}", update_coupon, {"name": Clear(Text(40)), "metadata": Metadata()}),
    Operation("DELETE", "/v1/coupons/{coupon}", delete_coupon),
    Operation(
        "POST",
        "/v1/promotion_codes",
        create_code,
        {
            "active": BOOL,
            "code": Text(500),
            "customer": TEXT,
            "expires_at": INT,
            "max_redemptions": Int(least=1),
            "metadata": Metadata(),
            "promotion": Hash({"type": words("coupon"), "coupon": TEXT}, ("type",)),
            "restrictions": Hash(
                {"first_time_transaction": BOOL, "minimum_amount": AMOUNT, "minimum_amount_currency": CURRENCY}
            ),
        },
        ("promotion",),
    ),
    Operation(
        "GET",
        "/v1/promotion_codes",
        list_codes,
        {**PAGE, "active": BOOL, "code": TEXT, "coupon": TEXT, "customer": TEXT, "created": TimeFilter()},
    ),
    Operation("GET", "/v1/promotion_codes/{promotion_code}", retrieve("promotion_code", "promotion_code")),
    Operation(
        "POST",
        "/v1/promotion_codes/{promotion_code}",
        update_code,
        {"active": BOOL, "metadata": Metadata()},
    ),
)
