"""The terms of a subscription that can be changed without touching its items: methods, discounts, pauses, its end."""

from billing_sandbox.engine.discounts import choose, redeem
from billing_sandbox.engine.errors import InvalidParam, InvalidRequest
from billing_sandbox.engine.objects import Obj, merge_metadata
from billing_sandbox.engine.payment_methods import materialise
from billing_sandbox.engine.subscription_end import ENDED
from billing_sandbox.engine.subscription_items import period_end
from billing_sandbox.engine.world import World

ITEM_FIELDS = frozenset({"items", "proration_date", "trial_end", "billing_cycle_anchor"})
"""The parameters that change what is billed."""


def require_changeable(subscription: Obj, p: Obj) -> None:
    """Refuse what the state of the subscription, or its schedule, does not allow."""
    if subscription["status"] in ENDED:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        if p.keys() - {"metadata", "cancellation_details", "expand"}:
            raise InvalidRequest(message)
    if subscription["status"] == "incomplete" and (ITEM_FIELDS | {"discounts", "collection_method"}) & p.keys():
        message = "This subscription is incomplete: pay its first invoice, or cancel it and make another."
        raise InvalidRequest(message)
    bound = {"items", "cancel_at", "cancel_at_period_end", "trial_end", "billing_cycle_anchor"} & p.keys()
    if subscription["schedule"] and bound:
        message = (
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and updating "
            f"{min(bound)} directly is not allowed. Please update the schedule instead, or release it."
        )
        raise InvalidRequest(message, param=min(bound))


def with_terms(w: World, subscription: Obj, p: Obj) -> Obj:
    """The subscription with every term that the request names; nothing is kept yet."""
    after = subscription | {n: p[n] for n in ("description", "collection_method", "days_until_due") if n in p}
    if "metadata" in p:
        after["metadata"] = merge_metadata(after["metadata"], p["metadata"])
    if "default_payment_method" in p:
        after["default_payment_method"] = _own_method(w, subscription, p["default_payment_method"])
    if "payment_settings" in p:
        after["payment_settings"] = after["payment_settings"] | p["payment_settings"]
    if missing_method(p):
        after["trial_settings"] = {"end_behavior": {"missing_payment_method": missing_method(p)}}
    after["cancellation_details"] = after["cancellation_details"] | (p.get("cancellation_details") or {})
    if "pause_collection" in p:
        after["pause_collection"] = _collection_pause(w, subscription, p["pause_collection"])
    if "discounts" in p:
        after["discounts"] = _changed_discounts(w, subscription, p["discounts"] or [])
    return _with_end(w, after, p)


def missing_method(p: Obj) -> str | None:
    """What is to happen at the end of a trial without a payment method, if the request says so."""
    settings = p.get("trial_settings")
    return settings["end_behavior"]["missing_payment_method"] if settings else None


def _own_method(w: World, subscription: Obj, reference: str | None) -> str | None:
    if not reference:
        return None
    method = materialise(w, reference, "default_payment_method")
    if method["customer"] != subscription["customer"]:
        message = (
            f"The customer does not have a payment method with the ID {method['id']}. The payment method must be "
            "attached to the customer."
        )
        raise InvalidRequest(message, param="default_payment_method", code="resource_missing")
    return str(method["id"])


def _collection_pause(w: World, subscription: Obj, asked: Obj | None) -> Obj | None:
    if asked is None:
        return None
    resumes = asked.get("resumes_at")
    if resumes:
        w.schedule(resumes, "resume_collection", subscription["id"])
    return {"behavior": asked["behavior"], "resumes_at": resumes}


def _changed_discounts(w: World, subscription: Obj, asked: list[Obj]) -> list[str]:
    kept = [entry["discount"] for entry in asked if "discount" in entry]
    customer = subscription["customer"]
    chosen = [choose(w, entry, customer) for entry in asked if "discount" not in entry]
    for dropped in subscription["discounts"]:
        if dropped not in kept:
            w.emit("customer.discount.deleted", w.load("discount", dropped))
    return kept + [redeem(w, one, customer=customer, subscription=subscription["id"])["id"] for one in chosen]


def _with_end(w: World, after: Obj, p: Obj) -> Obj:
    if p.get("cancel_at_period_end") and p.get("cancel_at"):
        message = "You may only specify one of these parameters: cancel_at, cancel_at_period_end."
        raise InvalidParam(message, param="cancel_at_period_end")
    at = p.get("cancel_at")
    if p.get("cancel_at_period_end") or isinstance(at, str):
        told = after["cancellation_details"] | {"reason": "cancellation_requested"}
        ends = {"cancel_at_period_end": True, "cancel_at": period_end(after), "canceled_at": w.now}
        return after | ends | {"cancellation_details": told}
    if isinstance(at, int):
        if at <= w.now:
            message = "The subscription `cancel_at` date must be in the future."
            raise InvalidRequest(message, param="cancel_at")
        told = after["cancellation_details"] | {"reason": "cancellation_requested"}
        return after | {
            "cancel_at": at,
            "cancel_at_period_end": False,
            "canceled_at": w.now,
            "cancellation_details": told,
        }
    if p.get("cancel_at_period_end") is False or ("cancel_at" in p and at is None):
        told = after["cancellation_details"] | {"reason": None}
        return after | {
            "cancel_at_period_end": False,
            "cancel_at": None,
            "canceled_at": None,
            "cancellation_details": told,
        }
    return after
