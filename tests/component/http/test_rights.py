"""Who may ask for what: a table of every route, walked for every kind of caller.

The routes are taken from the application, so one that is missing here is red.
"""

from typing import Any

import pytest
from attrs import frozen

from billing_core.domain.callers import Role
from billing_core.domain.facts import CouponSeen
from billing_http.app import every_route
from billing_http.openapi import operations
from tests.component.http.house import URLS, House

COURSE = {"resource_type": "course", "resource_id": "k8s-101"}
NOBODY, OWNER, OTHER, SERVICE, ADMIN = "nobody", "owner", "other", "service", "admin"
CALLERS: dict[str, tuple[str | None, tuple[Role, ...]]] = {
    NOBODY: (None, ()),
    OWNER: ("", ()),  # Ann herself
    OTHER: ("bob", ()),
    SERVICE: ("service-lms", (Role.SERVICE,)),
    ADMIN: ("support-sue", (Role.ADMIN,)),
}


@frozen(kw_only=True)
class Rights:
    """What each kind of caller is answered."""

    path: str = ""
    json: Any = None
    nobody: int = 401
    owner: int = 200
    other: int = 403
    service: int = 200
    admin: int = 200

    def status_for(self, who: str) -> int:
        """The status for one of them."""
        status: int = getattr(self, who)
        return status


_ANYBODY = Rights(nobody=200, other=200)
_READABLE_THING = Rights(other=404)

#: By operation. ``{…}`` stands for what Ann has.
TABLE: dict[str, Rights] = {
    "list_plans": _ANYBODY,
    "get_health": _ANYBODY,
    "get_liveness": _ANYBODY,
    "get_readiness": _ANYBODY,
    "receive_stripe_event": Rights(nobody=400, owner=400, other=400, service=400, admin=400),
    "get_subscription_status": Rights(),
    "create_subscription_checkout": Rights(
        json={"plan_id": "pro-monthly", **URLS}, owner=409, other=201, service=201, admin=201
    ),
    "cancel_subscription": Rights(json={"at_period_end": True}, other=404, service=403),
    "pause_subscription": Rights(json={}, other=404, service=403),
    "resume_subscription": Rights(json={}, owner=409, other=404, service=403, admin=409),
    "change_subscription": Rights(json={"plan_id": "team-monthly"}, other=404, service=403),
    "preview_subscription_change": Rights(json={"plan_id": "team-monthly"}, other=404, service=403),
    "apply_promotion_code": Rights(json={"promotion_code": "SPRING"}, other=404, service=403),
    "end_discount": Rights(other=404, service=403),
    "create_purchase": Rights(json={**COURSE, **URLS}, owner=409, other=201, service=201, admin=201),
    "list_purchases": Rights(),
    "get_purchase_status": _READABLE_THING,
    "refund_purchase": Rights(json={}, owner=201, other=404, service=403, admin=201),
    "list_payments": Rights(),
    "list_payment_methods": Rights(),
    "attach_payment_method": Rights(
        json={"payment_method_id": "pm_card_visa"}, owner=201, other=201, service=201, admin=201
    ),
    "detach_payment_method": Rights(owner=204, other=404, service=403, admin=204),
    "set_default_payment_method": Rights(json={}, other=404, service=403),
    "create_setup_intent": Rights(json={}, owner=201, other=201, service=201, admin=201),
    "create_portal_session": Rights(
        json={"return_url": URLS["cancel_url"]}, owner=201, other=201, service=201, admin=201
    ),
    "list_invoices": Rights(),
    "list_grants": Rights(),
    "decide_access": Rights(),
    "check_access": Rights(json={"resources": [COURSE]}),
    "grant_by_hand": Rights(json={**COURSE, "reason": "a prize"}, owner=403, service=403, admin=201),
    "revoke_grant": Rights(owner=403, service=403, admin=204),
    "list_events": Rights(owner=403),
}
THINGS = {
    "cancel_subscription": "subscription",
    "pause_subscription": "subscription",
    "resume_subscription": "subscription",
    "change_subscription": "subscription",
    "preview_subscription_change": "subscription",
    "apply_promotion_code": "subscription",
    "end_discount": "subscription",
    "get_purchase_status": "purchase",
    "refund_purchase": "purchase",
    "revoke_grant": "grant",
    "detach_payment_method": "payment method",
    "set_default_payment_method": "payment method",
}
NO_ID = "01936f2e-8c4a-7c3e-9a41-5f2b7c8d9e01"
#: What is refused for what Ann has already.
REFUSED_FOR = {"create_subscription_checkout": "subscription", "create_purchase": "purchase"}
#: Where ``{id}`` stands for a user: OpenAPI wants one name for one place in a path.
OF_USERS = {"/api/payments/methods/{id}"}
ROUTES = {operation.id: (method, path) for path, method, _, operation in operations(every_route())}


async def own(house: House, user: str, thing: str | None) -> str:
    """What Ann has of this kind: its id."""
    if thing == "subscription":
        house.provider.discounts.offer("SPRING", CouponSeen(id="spring", created=house.clock.now(), duration="once"))
        return str((await house.subscribes(user))["id"])
    if thing == "purchase":
        return await house.buys(user)
    if thing == "payment method":
        answer = await house.ask("POST", "/api/payments/methods", user=user, json={"payment_method_id": "pm_card_visa"})
        return str(answer.json()["id"])
    return str((await house.grants(user))["source"]["id"]) if thing == "grant" else ""


def filled(path: str, user: str, thing: str) -> str:
    """A path with what is Ann's in the place of its parameters."""
    identity = user if path in OF_USERS and not thing else thing
    return path.format(user_id=user, resource_type="course", resource_id="k8s-101", id=identity)


#: Every route for every kind of caller.
CASES = [pytest.param(identity, who, id=f"{identity}-{who}") for identity in sorted(TABLE) for who in CALLERS]


def test_the_table_has_every_route() -> None:
    assert sorted(TABLE) == sorted(ROUTES)


@pytest.mark.parametrize(("identity", "who"), CASES)
async def test_each_caller_is_answered_as_the_table_says(house: House, ann: str, identity: str, who: str) -> None:
    thing = await own(house, ann, {**THINGS, **REFUSED_FOR}.get(identity))
    method, path = ROUTES[identity]
    rights = TABLE[identity]
    user, roles = CALLERS[who]
    if who != OWNER and user is not None:
        user = f"{user}-of-{ann}"

    answer = await house.ask(
        method,
        filled(path, ann, thing),
        user=ann if who == OWNER else user,
        roles=roles,
        json=rights.json,
    )

    assert answer.status_code == rights.status_for(who), answer.text


READ = sorted(identity for identity, (method, _) in ROUTES.items() if method == "GET")


@pytest.mark.parametrize("identity", READ)
async def test_head_says_to_each_caller_what_get_says_but_for_the_body(house: House, ann: str, identity: str) -> None:
    """RFC 9110, 9.3.2: the same status and headers, the length of what is left away among them."""
    thing = await own(house, ann, THINGS.get(identity))
    path = filled(ROUTES[identity][1], ann, thing)
    # How long the database took is of another length each time.
    passing = {"x-request-id"} | ({"content-length"} if identity == "get_health" else set())
    for user, roles in CALLERS.values():
        told = [
            await house.ask(method, path, user=ann if user == "" else user, roles=roles) for method in ("GET", "HEAD")
        ]
        get, head = [
            (answer.status_code, {name: value for name, value in answer.headers.items() if name not in passing})
            for answer in told
        ]
        assert head == get
        assert told[0].content
        assert not told[1].content


@pytest.mark.parametrize("identity", sorted(THINGS))
@pytest.mark.parametrize("strange", [NO_ID, NO_ID.replace("-", ""), f"{{{NO_ID}}}", "x" * 300])
async def test_a_strange_id_is_answered_like_one_of_somebody_else(
    house: House, ann: str, identity: str, strange: str
) -> None:
    method, path = ROUTES[identity]
    rights = TABLE[identity]

    answer = await house.ask(
        method, filled(path, ann, strange), user="support-sue", roles=[Role.ADMIN], json=rights.json
    )

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("identity", sorted(TABLE))
async def test_an_unknown_query_parameter_is_refused_everywhere(house: House, ann: str, identity: str) -> None:
    method, path = ROUTES[identity]
    user, roles = CALLERS[ADMIN]

    answer = await house.ask(
        method,
        filled(path, ann, NO_ID) + "?colour=blue",
        user=user,
        roles=roles,
        json=TABLE[identity].json,
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
    assert answer.json()["errors"] == [{"field": "colour", "message": "This field is unknown."}]


@pytest.mark.parametrize("identity", sorted(name for name, rights in TABLE.items() if rights.json is not None))
async def test_an_unknown_field_is_refused_everywhere(house: House, ann: str, identity: str) -> None:
    method, path = ROUTES[identity]
    user, roles = CALLERS[ADMIN]

    answer = await house.ask(
        method,
        filled(path, ann, NO_ID),
        user=user,
        roles=roles,
        json={**TABLE[identity].json, "colour": "blue"},
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
    assert answer.json()["errors"] == [{"field": "colour", "message": "This field is unknown."}]
