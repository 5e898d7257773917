"""Payment methods over HTTP: added, chosen, removed; setup intents and the portal."""

from datetime import timedelta

import pytest

from billing_core.domain.callers import Caller, Role
from billing_core.domain.errors import NotFound, ProviderRefused
from billing_core.domain.facts import SubscriptionSeen
from tests.component.http.house import ORIGIN, House, Json

METHODS = "/api/payments/methods"


async def add(house: House, user: str, card: str = "pm_card_visa", **more: object) -> Json:
    """Add a test card."""
    answer = await house.ask("POST", METHODS, user=user, json={"payment_method_id": card, **more})
    assert answer.status_code == 201, answer.text
    house.clock.advance(timedelta(seconds=1))
    added: Json = answer.json()
    return added


async def methods_of(house: House, user: str) -> dict[str, bool]:
    """Whether each of a user's methods is the default, oldest first."""
    listed = (await house.ask("GET", f"{METHODS}/{user}", user=user)).json()["payment_methods"]
    return {method["id"]: method["is_default"] for method in listed}


async def test_a_method_that_was_added_is_answered_and_listed(house: House, ann: str) -> None:
    added = await add(house, ann)

    assert added.keys() == {"id", "type", "card", "is_default", "created_at"}
    assert added["card"] == {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2034}
    assert await methods_of(house, ann) == {added["id"]: True}


async def test_only_the_first_becomes_the_default_by_itself(house: House, ann: str) -> None:
    first = await add(house, ann)
    second = await add(house, ann)

    assert await methods_of(house, ann) == {first["id"]: True, second["id"]: False}


async def test_a_method_that_is_not_to_be_the_default_is_not(house: House, ann: str) -> None:
    added = await add(house, ann, set_default=False)

    assert added["is_default"] is False


async def test_a_method_that_is_to_be_the_default_is_it_at_once(house: House, ann: str) -> None:
    first = await add(house, ann)
    second = await add(house, ann, set_default=True)

    assert second["is_default"] is True
    assert await methods_of(house, ann) == {first["id"]: False, second["id"]: True}


async def test_the_default_can_be_chosen(house: House, ann: str) -> None:
    first, second = await add(house, ann), await add(house, ann)

    chosen = await house.ask("POST", f"{METHODS}/{second['id']}/default", user=ann)

    assert (chosen.status_code, chosen.json()["id"], chosen.json()["is_default"]) == (200, second["id"], True)
    assert await methods_of(house, ann) == {first["id"]: False, second["id"]: True}


async def test_a_running_subscription_is_charged_with_the_new_default(house: House, ann: str) -> None:
    """What a subscription names wins over the customer's default, so it has to follow."""
    subscription = await house.subscribes(ann)
    added = await add(house, ann, set_default=True)

    charged = house.provider.world.get(SubscriptionSeen, subscription["stripe_subscription_id"])

    assert charged.default_payment_method_id == added["id"]


async def test_a_declined_card_is_told_with_its_decline_code(house: House, ann: str) -> None:
    answer = await house.ask("POST", METHODS, user=ann, json={"payment_method_id": "pm_card_chargeDeclined"})

    assert (answer.status_code, answer.json()["code"]) == (502, "provider_error")
    assert (answer.json()["provider_code"], answer.json()["decline_code"]) == ("card_declined", "generic_decline")
    assert await methods_of(house, ann) == {}


@pytest.mark.parametrize("strange", ["pm_none", "nothing", "cus_1/methods", "pm_" + "x" * 250])
async def test_a_method_that_does_not_exist_is_not_found(house: House, ann: str, strange: str) -> None:
    answer = await house.ask("POST", METHODS, user=ann, json={"payment_method_id": strange})

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_method_of_somebody_else_is_not_found(house: House, ann: str) -> None:
    theirs = await add(house, f"bob-of-{ann}")

    added = await house.ask("POST", METHODS, user=ann, json={"payment_method_id": theirs["id"]})
    removed = await house.ask("DELETE", f"{METHODS}/{theirs['id']}", user=ann)
    chosen = await house.ask("POST", f"{METHODS}/{theirs['id']}/default", user=ann)

    assert [answer.status_code for answer in (added, removed, chosen)] == [404, 404, 404]
    assert await methods_of(house, f"bob-of-{ann}") == {theirs["id"]: True}


async def test_a_removed_default_passes_to_the_newest_other_one(house: House, ann: str) -> None:
    first, second, third = await add(house, ann), await add(house, ann), await add(house, ann)

    removed = await house.ask("DELETE", f"{METHODS}/{first['id']}", user=ann)

    assert (removed.status_code, removed.content) == (204, b"")
    assert await methods_of(house, ann) == {second["id"]: False, third["id"]: True}


async def test_the_only_method_of_a_running_subscription_stays(house: House, ann: str) -> None:
    await house.subscribes(ann)
    (only,) = await methods_of(house, ann)

    answer = await house.ask("DELETE", f"{METHODS}/{only}", user=ann)

    assert (answer.status_code, answer.json()["code"]) == (409, "payment_method_in_use")
    assert await methods_of(house, ann) == {only: True}


async def test_the_only_method_goes_where_the_subscription_is_ending(house: House, ann: str) -> None:
    subscription = await house.subscribes(ann)
    (only,) = await methods_of(house, ann)
    await house.ask("POST", f"/api/subscriptions/{subscription['id']}/cancel", user=ann)
    house.clock.advance(timedelta(seconds=1))

    answer = await house.ask("DELETE", f"{METHODS}/{only}", user=ann)

    assert answer.status_code == 204
    assert await methods_of(house, ann) == {}


async def test_what_was_removed_is_not_found(house: House, ann: str) -> None:
    added = await add(house, ann)
    await house.ask("DELETE", f"{METHODS}/{added['id']}", user=ann)

    again = await house.ask("DELETE", f"{METHODS}/{added['id']}", user=ann)

    assert (again.status_code, again.json()["code"]) == (404, "not_found")


async def test_support_staff_choose_and_remove_for_anyone(house: House, ann: str) -> None:
    first, second = await add(house, ann), await add(house, ann)

    chosen = await house.ask("POST", f"{METHODS}/{second['id']}/default", user="sue", roles=[Role.ADMIN])
    removed = await house.ask("DELETE", f"{METHODS}/{first['id']}", user="sue", roles=[Role.ADMIN])

    assert [chosen.status_code, removed.status_code] == [200, 204]
    assert await methods_of(house, ann) == {second["id"]: True}


async def test_a_method_is_saved_by_a_setup_intent_and_chosen_at_once(house: House, ann: str) -> None:
    """Also before its event has come."""
    begun = await house.ask("POST", "/api/payments/setup-intent", user=ann)
    saved = house.provider.wallet.confirm_setup(begun.json()["setup_intent_id"])

    chosen = await house.ask("POST", f"{METHODS}/{saved.id}/default", user=ann)

    assert (begun.status_code, begun.json().keys()) == (201, {"setup_intent_id", "client_secret", "publishable_key"})
    assert begun.json()["client_secret"].startswith(begun.json()["setup_intent_id"])
    assert (chosen.status_code, chosen.json()["is_default"]) == (200, True)


async def test_a_client_secret_is_nowhere_but_in_its_answer(house: House, ann: str) -> None:
    secret = (await house.ask("POST", "/api/payments/setup-intent", user=ann)).json()["client_secret"]
    await house.deliver()

    async with house.units() as uow:
        stored = [*await uow.operations.of_user(ann, "create_setup_intent"), *await uow.audit.of_user(ann, 100)]

    assert stored
    assert secret not in repr(stored)


async def test_the_portal_leads_back_to_an_origin_of_ours(house: House, ann: str) -> None:
    opened = await house.ask("POST", "/api/payments/portal-session", user=ann, json={"return_url": f"{ORIGIN}/me"})
    elsewhere = await house.ask(
        "POST", "/api/payments/portal-session", user=ann, json={"return_url": "https://evil.example/me"}
    )

    assert (opened.status_code, opened.json().keys()) == (201, {"url"})
    assert opened.json()["url"].startswith("https://")
    assert (elsewhere.status_code, elsewhere.json()["errors"][0]["field"]) == (400, "return_url")


async def test_what_was_opened_can_be_had_again_by_whoever_opened_it(house: House, ann: str) -> None:
    """For a request that is repeated: the secret is asked of the provider again, and nothing is opened twice."""
    caller, opener = Caller(ann), house.application.open_hosted
    for opened in (await opener.setup(caller), await opener.portal(caller, f"{ORIGIN}/me")):
        assert await opener.again(caller, opened.operation_id) == opened
        with pytest.raises(NotFound):
            await opener.again(Caller("bob"), opened.operation_id)


async def test_a_secret_is_found_again_after_the_provider_has_forgotten_the_key() -> None:
    house = await House().sells()
    opener, caller = house.application.open_hosted, Caller("ann")
    setup, portal = await opener.setup(caller), await opener.portal(caller, f"{ORIGIN}/me")
    house.clock.advance(timedelta(hours=24))

    assert await opener.again(caller, setup.operation_id) == setup
    assert (await opener.again(caller, portal.operation_id)).id != portal.id


async def test_what_the_provider_refuses_changes_nothing(house: House, ann: str) -> None:
    first, second = await add(house, ann), await add(house, ann)
    house.provider.trouble.append(ProviderRefused("No.", code="invalid_request_error"))

    answer = await house.ask("POST", f"{METHODS}/{second['id']}/default", user=ann)

    assert (answer.status_code, answer.json()["provider_code"]) == (502, "invalid_request_error")
    assert await methods_of(house, ann) == {first["id"]: True, second["id"]: False}
