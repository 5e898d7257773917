"""Requests as such: parameters, idempotency keys, lists, expansion, errors."""

import pytest

from billing_core.domain.money import MINIMUM_CHARGES_MINOR
from billing_sandbox.engine.forms import decode
from billing_sandbox.engine.money import CURRENCIES, minimum_charge, unit
from billing_sandbox.engine.objects import DAY, Obj
from tests.unit.sandbox.play import Play


def test_the_sandbox_and_the_core_know_the_same_least_charges() -> None:
    """Written down twice, as neither may lean on the other. Where Stripe names none, it is the smallest amount."""
    assert {one: minimum_charge(one) for one in CURRENCIES} == {
        one: MINIMUM_CHARGES_MINOR.get(one, unit(one)) for one in CURRENCIES
    }
    assert set(MINIMUM_CHARGES_MINOR) <= CURRENCIES


class TestForms:
    def test_brackets_nest_and_empty_brackets_count(self) -> None:
        decoded = decode("items[0][price]=p1&items[1][price]=p2&expand[]=a&expand[]=b&email=a%40b.co")
        assert decoded == {
            "items": {"0": {"price": "p1"}, "1": {"price": "p2"}},
            "expand": {"0": "a", "1": "b"},
            "email": "a@b.co",
        }


class TestParameters:
    @pytest.mark.parametrize(
        ("params", "code", "param"),
        [
            pytest.param({"shoe_size": 42}, "parameter_unknown", "shoe_size", id="unknown"),
            pytest.param(
                {"invoice_settings": {"x": "y"}}, "parameter_unknown", "invoice_settings[x]", id="unknown inside"
            ),
            pytest.param({"balance": "much"}, "parameter_invalid_integer", "balance", id="no integer"),
            pytest.param({"metadata": {"k" * 41: "v"}}, None, "metadata", id="metadata key too long"),
            pytest.param({"metadata": {"k": "v" * 501}}, None, "metadata[k]", id="metadata value too long"),
            pytest.param({"metadata": {f"k{n}": "v" for n in range(51)}}, None, "metadata", id="too much metadata"),
        ],
    )
    def test_what_is_wrong_is_named(self, play: Play, params: Obj, code: str | None, param: str) -> None:
        error = play.refused("/v1/customers", **params)
        assert (error["status"], error["type"], error.get("code"), error["param"]) == (
            400,
            "invalid_request_error",
            code,
            param,
        )

    def test_a_missing_one_is_named(self, play: Play) -> None:
        error = play.refused("/v1/prices", unit_amount=100)
        assert (error["code"], error["param"]) == ("parameter_missing", "currency")

    def test_metadata_merges_and_an_empty_string_removes(self, play: Play) -> None:
        customer = play.post("/v1/customers", metadata={"a": "1", "b": "2"})
        assert play.post(f"/v1/customers/{customer['id']}", metadata={"a": "", "c": "3"})["metadata"] == {
            "b": "2",
            "c": "3",
        }
        assert play.post(f"/v1/customers/{customer['id']}", metadata="")["metadata"] == {}

    def test_an_empty_string_clears_a_field(self, play: Play) -> None:
        customer = play.post("/v1/customers", name="Ada")
        assert play.post(f"/v1/customers/{customer['id']}", name="")["name"] is None

    def test_a_refused_request_leaves_no_trace(self, play: Play) -> None:
        """The product is made before the price is refused, and goes with it."""
        before = len(play.get("/v1/products")["data"]), play.types()
        play.refused("/v1/prices", currency="xxx", unit_amount=1, product_data={"name": "P"})
        assert (len(play.get("/v1/products")["data"]), play.types()) == before


class TestIdempotencyKeys:
    def test_the_first_answer_is_the_answer_for_a_day(self, play: Play) -> None:
        first = play.ask("POST", "/v1/customers", {"email": "a@b.co"}, "k")
        again = play.ask("POST", "/v1/customers", {"email": "a@b.co"}, "k")
        assert (again.body, again.replayed, first.replayed) == (first.body, True, False)
        play.engine.advance_to(play.now + DAY)
        anew = play.ask("POST", "/v1/customers", {"email": "a@b.co"}, "k")
        assert anew.json()["id"] != first.json()["id"]

    def test_other_parameters_under_the_same_key_are_refused(self, play: Play) -> None:
        play.ask("POST", "/v1/customers", {"email": "a@b.co"}, "k")
        answer = play.ask("POST", "/v1/customers", {"email": "b@b.co"}, "k")
        assert (answer.status, answer.json()["error"]["type"]) == (400, "idempotency_error")

    def test_a_decline_is_replayed(self, play: Play) -> None:
        pay = {"amount": 500, "currency": "usd", "confirm": True, "payment_method": "pm_card_chargeDeclined"}
        first = play.ask("POST", "/v1/payment_intents", pay, "k")
        again = play.ask("POST", "/v1/payment_intents", pay, "k")
        assert (first.status, again.body) == (402, first.body)
        assert play.types("charge.failed") == ["charge.failed"]

    def test_a_500_is_kept_whether_the_effect_happened_or_not(self, play: Play) -> None:
        for fate, made in (("refuse", 0), ("hide", 1)):
            email = {"email": f"{fate}@b.co"}
            raw: Obj = dict(email)
            broken = play.engine.call("POST", "/v1/customers", raw, key=fate, fate=fate)  # type: ignore[arg-type]  # one of the fates
            assert broken.status == play.ask("POST", "/v1/customers", email, fate).status == 500
            assert len(play.get("/v1/customers", **email)["data"]) == made

    def test_a_request_that_fails_validation_keeps_nothing(self, play: Play) -> None:
        assert play.ask("POST", "/v1/customers", {"nonsense": "1"}, "k").status == 400
        assert play.ask("POST", "/v1/customers", {"email": "a@b.co"}, "k").status == 200

    def test_a_key_that_is_under_way_is_a_conflict(self, play: Play) -> None:
        play.engine.keys.begin("k", "another request", play.now)
        answer = play.ask("POST", "/v1/customers", {}, "k")
        assert (answer.status, answer.json()["error"]["code"]) == (409, "idempotency_key_in_use")


class TestLists:
    def test_newest_first_in_pages_by_cursor(self, play: Play) -> None:
        ids = [play.post("/v1/customers")["id"] for _ in range(5)]
        first = play.get("/v1/customers", limit=2)
        second = play.get("/v1/customers", limit=2, starting_after=first["data"][-1]["id"])
        back = play.get("/v1/customers", limit=1, ending_before=second["data"][0]["id"])
        assert [c["id"] for c in first["data"] + second["data"]] == ids[:0:-1]
        assert [c["id"] for c in back["data"]] == [ids[3]]
        assert (first["has_more"], back["has_more"]) == (True, True)

    def test_time_bounds(self, play: Play) -> None:
        play.post("/v1/customers")
        play.wait(days=1)
        late = play.post("/v1/customers")
        found = play.get("/v1/customers", created={"gt": play.now - 10})["data"]
        assert [c["id"] for c in found] == [late["id"]]

    @pytest.mark.parametrize("limit", ["0", "101", "x"])
    def test_a_limit_is_between_1_and_100(self, play: Play, limit: str) -> None:
        assert play.ask("GET", "/v1/customers", {"limit": limit}).status == 400


class TestExpansion:
    def test_ids_become_objects_along_a_path(self, play: Play) -> None:
        subscription = play.subscription(expand=["latest_invoice.payments", "customer", "items.data.price.product"])
        assert subscription["customer"]["object"] == "customer"
        assert subscription["latest_invoice"]["payments"]["data"][0]["status"] == "paid"
        assert subscription["items"]["data"][0]["price"]["product"]["name"] == "Pro"

    def test_events_are_never_expanded(self, play: Play) -> None:
        play.subscription(expand=["customer"])
        assert isinstance(play.events("customer.subscription.created")[0]["data"]["object"]["customer"], str)

    def test_five_levels_are_one_too_many(self, play: Play) -> None:
        play.subscription()
        assert play.ask("GET", "/v1/subscriptions", {"expand": ["data.items.data.price"]}).status == 200
        assert play.ask("GET", "/v1/subscriptions", {"expand": ["data.items.data.price.product"]}).status == 400

    @pytest.mark.parametrize("path", ["shoe", "email", "a.b.c.d.e"])
    def test_what_cannot_be_expanded_is_refused(self, play: Play, path: str) -> None:
        assert play.refused("/v1/customers", expand=[path])["status"] == 400


class TestEvents:
    def test_they_are_forgotten_after_thirty_days(self, play: Play) -> None:
        play.post("/v1/customers")
        play.wait(days=31)
        play.post("/v1/customers")
        assert [e["type"] for e in play.get("/v1/events")["data"]] == ["customer.created"]

    def test_what_has_happened_by_itself_names_no_request(self, play: Play) -> None:
        play.subscription()
        play.wait(days=31)
        renewed = play.events("invoice.created")[-1]
        assert renewed["request"] == {"id": None, "idempotency_key": None}

    def test_a_snapshot_never_changes(self, play: Play) -> None:
        customer = play.post("/v1/customers", name="Ada")
        play.post(f"/v1/customers/{customer['id']}", name="Grace")
        created, updated = play.events("customer")
        assert created["data"]["object"]["name"] == "Ada"
        assert updated["data"]["previous_attributes"] == {"name": "Ada"}

    def test_hashes_tell_only_the_keys_that_changed(self, play: Play) -> None:
        customer = play.post("/v1/customers", metadata={"a": "1", "b": "2"})
        play.post(f"/v1/customers/{customer['id']}", metadata={"b": "3", "c": "4"})
        assert play.events("customer.updated")[0]["data"]["previous_attributes"] == {"metadata": {"b": "2", "c": None}}
