"""Products and prices."""

from billing_sandbox.engine.errors import InvalidParam, InvalidRequest
from billing_sandbox.engine.money import require_currency
from billing_sandbox.engine.objects import Obj, merge_metadata
from billing_sandbox.engine.operations import PAGE, Operation, retrieve
from billing_sandbox.engine.pagination import listed, matches, page
from billing_sandbox.engine.params import (
    AMOUNT,
    BOOL,
    CURRENCY,
    LOOSE,
    TEXT,
    Clear,
    Decimal,
    Fields,
    Hash,
    Int,
    ListOf,
    Metadata,
    Text,
    TimeFilter,
    words,
)
from billing_sandbox.engine.world import World

INTERVAL = words("day", "week", "month", "year")
RECURRING = Hash({"interval": INTERVAL, "interval_count": Int(least=1)}, ("interval",))
"""How often: as it is given where a price is made in passing."""

CHECKOUT_PRODUCT = Hash(
    {
        "name": TEXT,
        "description": TEXT,
        "images": ListOf(TEXT),
        "metadata": Metadata(),
        "tax_code": TEXT,
        "unit_label": TEXT,
    },
    ("name",),
)
"""A product that is made in passing by a checkout session."""

_OWN_RECURRING = Hash(
    {
        "interval": INTERVAL,
        "interval_count": Int(least=1),
        "trial_period_days": Int(least=0),
        "usage_type": words("licensed"),
    },
    ("interval",),
)
_PRODUCT_DATA = Hash(
    {
        "active": BOOL,
        "id": TEXT,
        "metadata": Metadata(),
        "name": TEXT,
        "statement_descriptor": TEXT,
        "tax_code": TEXT,
        "unit_label": TEXT,
    },
    ("name",),
)
_TAX_BEHAVIOR = words("exclusive", "inclusive", "unspecified")
_PRODUCT: Fields = {
    "active": BOOL,
    "description": Clear(TEXT),
    "images": Clear(ListOf(TEXT)),
    "marketing_features": Clear(LOOSE),
    "metadata": Metadata(),
    "name": Text(250),
    "shippable": BOOL,
    "statement_descriptor": TEXT,
    "tax_code": Clear(TEXT),
    "unit_label": Clear(TEXT),
    "url": Clear(TEXT),
}
_PRICE_UPDATE: Fields = {
    "active": BOOL,
    "lookup_key": Clear(Text(200)),
    "metadata": Metadata(),
    "nickname": Clear(TEXT),
    "tax_behavior": _TAX_BEHAVIOR,
    "transfer_lookup_key": BOOL,
}


def new_product(w: World, p: Obj) -> Obj:
    """A product; `name` is the only thing it needs."""
    product_id = p.get("id") or w.new_id("prod_")
    if w.store.find("product", product_id):
        message = f"Product already exists with ID {product_id}."
        raise InvalidRequest(message, param="id", code="resource_already_exists")
    product = {
        "id": product_id,
        "object": "product",
        "active": p.get("active", True),
        "created": w.now,
        "default_price": None,
        "description": p.get("description"),
        "images": p.get("images") or [],
        "livemode": False,
        "marketing_features": p.get("marketing_features") or [],
        "metadata": merge_metadata({}, p.get("metadata", {})),
        "name": p["name"],
        "package_dimensions": None,
        "shippable": p.get("shippable"),
        "statement_descriptor": p.get("statement_descriptor"),
        "tax_code": p.get("tax_code"),
        "type": p.get("type", "service"),
        "unit_label": p.get("unit_label"),
        "updated": w.now,
        "url": p.get("url"),
    }
    w.insert(product, "product.created")
    if "default_price_data" in p:
        price = new_price(w, p["default_price_data"] | {"product": product_id})
        product["default_price"] = price["id"]
        w.change(product, "product.updated")
    return product


def update_product(w: World, p: Obj, product_id: str) -> Obj:
    """Change what was sent."""
    product = w.named("product", product_id)
    if "default_price" in p:
        w.given("price", p["default_price"], "default_price")
    for name, value in p.items():
        if name == "metadata":
            product["metadata"] = merge_metadata(product["metadata"], value)
        elif name in {"images", "marketing_features"}:
            product[name] = value or []
        elif name != "expand":
            product[name] = value
    product["updated"] = w.now
    w.change(product, "product.updated")
    return product


def delete_product(w: World, _p: Obj, product_id: str) -> Obj:
    """Delete a product that has no prices."""
    product = w.named("product", product_id)
    if w.store.select("price", "product", product_id):
        message = "This product cannot be deleted because it has one or more user-created prices."
        raise InvalidRequest(message)
    w.store.remove("product", product_id)
    w.emit("product.deleted", product)
    return {"id": product_id, "object": "product", "deleted": True}


def new_price(w: World, p: Obj) -> Obj:
    """A price; amount, currency and interval can never be changed."""
    if ("product" in p) == ("product_data" in p):
        message = "You must specify either `product` or `product_data` when creating a price."
        raise InvalidParam(message, param="product")
    if "unit_amount" not in p and "unit_amount_decimal" not in p:
        message = "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set."
        raise InvalidParam(message, param="unit_amount", code="parameter_missing")
    currency = require_currency(p["currency"])
    product_id = p["product"] if "product" in p else new_product(w, p["product_data"])["id"]
    w.given("product", product_id, "product")
    amount = p["unit_amount"] if "unit_amount" in p else _whole(p["unit_amount_decimal"])
    price = {
        "id": w.new_id("price_"),
        "object": "price",
        "active": p.get("active", True),
        "billing_scheme": "per_unit",
        "created": w.now,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": merge_metadata({}, p.get("metadata", {})),
        "nickname": p.get("nickname"),
        "product": product_id,
        "recurring": _recurring(p.get("recurring")),
        "tax_behavior": p.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if "recurring" in p else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": str(p.get("unit_amount_decimal", amount)),
    }
    if p.get("lookup_key"):
        _take_lookup_key(w, price, p["lookup_key"], transfer=p.get("transfer_lookup_key", False))
    return w.insert(price, "price.created")


def update_price(w: World, p: Obj, price_id: str) -> Obj:
    """Change what may be changed: activity, lookup key, nickname, metadata."""
    price = w.named("price", price_id)
    for name, value in p.items():
        if name == "metadata":
            price["metadata"] = merge_metadata(price["metadata"], value)
        elif name == "lookup_key" and value:
            _take_lookup_key(w, price, value, transfer=p.get("transfer_lookup_key", False))
        elif name not in {"transfer_lookup_key", "expand"}:
            price[name] = value
    w.change(price, "price.updated")
    return price


def plan_of(price: Obj) -> Obj:
    """A recurring price in the shape of the old plan object, which Stripe still sends along."""
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": price["currency"],
        "interval": price["recurring"]["interval"],
        "interval_count": price["recurring"]["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def list_products(w: World, p: Obj) -> Obj:
    """Products by activity or ids."""
    by = {"active": "active", "ids": "id", "shippable": "shippable", "url": "url"}
    return listed(w, "product", p, by=by, url="/v1/products")


def list_prices(w: World, p: Obj) -> Obj:
    """Prices by activity, product, lookup keys, currency, type or interval."""
    names = {"active": "active", "product": "product", "currency": "currency", "type": "type", "created": "created"}
    filters = {field: p[name] for name, field in names.items() if name in p}
    if "lookup_keys" in p:
        filters["lookup_key"] = p["lookup_keys"]
    for name, value in (p.get("recurring") or {}).items():
        filters[f"recurring.{name}"] = value
    return page([price for price in w.store.each("price") if matches(price, filters)], p, "/v1/prices")


def _recurring(p: Obj | None) -> Obj | None:
    if p is None:
        return None
    return {
        "interval": p["interval"],
        "interval_count": p.get("interval_count", 1),
        "meter": None,
        "trial_period_days": p.get("trial_period_days"),
        "usage_type": p.get("usage_type", "licensed"),
    }


def _whole(decimal: str) -> int | None:
    return int(decimal) if decimal.isdigit() else None


def _take_lookup_key(w: World, price: Obj, key: str, *, transfer: bool) -> None:
    for holder_id in w.store.select("price", "lookup_key", key):
        holder = w.load("price", holder_id)
        if holder_id == price["id"]:
            continue
        if not transfer:
            message = (
                f"A price (`{holder_id}`) already uses that lookup key. To transfer the lookup key, specify "
                "`transfer_lookup_key=true`."
            )
            raise InvalidRequest(message, param="lookup_key", code="resource_already_exists")
        w.change(holder | {"lookup_key": None}, "price.updated")
    price["lookup_key"] = key


_PRICE_CREATE: Fields = {
    **_PRICE_UPDATE,
    "billing_scheme": words("per_unit"),
    "currency": CURRENCY,
    "product": TEXT,
    "product_data": _PRODUCT_DATA,
    "recurring": _OWN_RECURRING,
    "unit_amount": AMOUNT,
    "unit_amount_decimal": Decimal(),
}
_DEFAULT_PRICE = Hash(
    {
        "currency": CURRENCY,
        "unit_amount": AMOUNT,
        "unit_amount_decimal": Decimal(),
        "recurring": RECURRING,
        "metadata": Metadata(),
        "tax_behavior": _TAX_BEHAVIOR,
    },
    ("currency",),
)
OPERATIONS = (
    Operation(
        "POST",
        "/v1/products",
        new_product,
        _PRODUCT | {"id": TEXT, "type": words("good", "service"), "default_price_data": _DEFAULT_PRICE},
        ("name",),
    ),
    Operation(
        "GET",
        "/v1/products",
        list_products,
        {
            **PAGE,
            "active": BOOL,
            "ids": ListOf(TEXT),
            "created": TimeFilter(),
            "shippable": BOOL,
            "url": TEXT,
        },
    ),
    Operation("GET", "/v1/products/{product}", retrieve("product")),
    Operation("POST", "/v1/products/{product}", update_product, _PRODUCT | {"default_price": TEXT}),
    Operation("DELETE", "/v1/products/{product}", delete_product),
    Operation("POST", "/v1/prices", new_price, _PRICE_CREATE, ("currency",)),
    Operation(
        "GET",
        "/v1/prices",
        list_prices,
        {
            **PAGE,
            "active": BOOL,
            "product": TEXT,
            "currency": CURRENCY,
            "lookup_keys": ListOf(TEXT, most=10),
            "type": words("one_time", "recurring"),
            "created": TimeFilter(),
            "recurring": Hash({"interval": INTERVAL, "usage_type": words("licensed")}),
        },
    ),
    Operation("GET", "/v1/prices/{price}", retrieve("price")),
    Operation("POST", "/v1/prices/{price}", update_price, _PRICE_UPDATE),
)
