"""The time machine, determinism and chaos."""

from collections import Counter

import msgspec
import pytest

from billing_sandbox.delivery import Deliveries
from billing_sandbox.engine.calendar import add_months, boundary, period_containing, shift
from billing_sandbox.engine.chaos import Chaos, Rates, disturbed
from billing_sandbox.engine.objects import DAY, Obj
from billing_sandbox.service import Sandbox
from tests.unit.sandbox.disturbed import LOST, Disturbed
from tests.unit.sandbox.lives import whole_story
from tests.unit.sandbox.play import START, Play


def log_of(seed: int) -> list[bytes]:
    """Every event of a broad story, as bytes."""
    play = Play(seed)
    whole_story(play)
    return [play.engine.world.store.raw("event", event["id"]) for event in play.events()]


def test_the_same_seed_gives_the_same_log_to_the_byte() -> None:
    assert log_of(7) == log_of(7)


def test_another_seed_gives_other_ids_for_the_same_story() -> None:
    first, second = log_of(7), log_of(8)
    assert len(first) == len(second)
    assert not set(first) & set(second)


def test_ids_do_not_count_up_with_time(play: Play) -> None:
    ids = [play.post("/v1/customers")["id"] for _ in range(50)]
    assert ids not in (sorted(ids), sorted(ids, reverse=True))


def test_one_leap_in_time_is_the_same_as_many_small_ones() -> None:
    leap, steps = Play(3), Play(3)
    for play in (leap, steps):
        play.subscription(trial_period_days=7)
    leap.wait(days=20)
    for _ in range(20):
        steps.wait(days=1)
    assert leap.events() == steps.events()


def test_cards_expire(play: Play) -> None:
    subscription = play.subscription()
    method = play.get(f"/v1/customers/{subscription['customer']}/payment_methods")["data"][0]
    play.post(f"/v1/payment_methods/{method['id']}", card={"exp_month": 1, "exp_year": 2026})
    play.wait(days=32)
    assert play.again(subscription)["status"] == "past_due"
    assert play.events("charge.failed")[-1]["data"]["object"]["failure_code"] == "expired_card"


def test_a_test_clock_moves_its_customers_alone(play: Play) -> None:
    clock = play.post("/v1/test_helpers/test_clocks", frozen_time=START)
    inside, outside = play.subscription(play.customer(test_clock=clock["id"])), play.subscription()
    play.post(f"/v1/test_helpers/test_clocks/{clock['id']}/advance", frozen_time=START + 40 * DAY)
    play.engine.advance_test_clocks()
    assert play.get(f"/v1/test_helpers/test_clocks/{clock['id']}")["status"] == "ready"
    assert play.invoice_of(inside)["billing_reason"] == "subscription_cycle"
    assert play.invoice_of(outside)["billing_reason"] == "subscription_create"


def test_a_test_clock_goes_two_intervals_at_a_time_at_most(play: Play) -> None:
    clock = play.post("/v1/test_helpers/test_clocks", frozen_time=START)
    play.subscription(play.customer(test_clock=clock["id"]))
    path = f"/v1/test_helpers/test_clocks/{clock['id']}/advance"
    assert play.refused(path, frozen_time=START + 100 * DAY)["param"] == "frozen_time"


class TestCalendar:
    @pytest.mark.parametrize(
        ("amount", "days"),
        [("3d", 3), ("2w", 14), ("1mo", 31), ("1 month", 31), ("1y", 365), ("48h", 2), ("86400", 1), ("2 days", 2)],
    )
    def test_amounts_of_time_are_read(self, amount: str, days: int) -> None:
        assert shift(START, amount) == START + days * DAY

    @pytest.mark.parametrize("amount", ["", "soon", "3 fortnights", "-1d"])
    def test_nonsense_is_refused(self, amount: str) -> None:
        with pytest.raises(ValueError, match=r"cannot read|unknown unit"):
            shift(START, amount)

    @pytest.mark.parametrize("interval", ["day", "week", "month", "year"])
    def test_periods_tile_time(self, interval: str) -> None:
        anchor = add_months(START + 30 * DAY, 0)  # 31 January
        for n in range(30):
            start, end = boundary(anchor, interval, 1, n), boundary(anchor, interval, 1, n + 1)
            assert period_containing(anchor, interval, 1, start) == (start, end)
            assert period_containing(anchor, interval, 1, end - 1) == (start, end)


class TestChaos:
    events: tuple[Obj, ...] = tuple({"id": f"evt_{n}", "type": "customer.updated"} for n in range(200))

    def test_the_same_seed_disturbs_in_the_same_way(self) -> None:
        first, second = Chaos(5), Chaos(5)
        assert disturbed(list(self.events), first) == disturbed(list(self.events), second)
        assert first.log == second.log

    def test_each_rate_does_what_it_says(self) -> None:
        quiet: Obj = {"duplicate": 0, "reorder": 0, "delay": 0, "lose": 0}
        events = list(self.events)
        assert disturbed(events, Chaos(1, Rates().changed(quiet))) == events
        assert disturbed(events, Chaos(1, Rates().changed(quiet | {"lose": 1}))) == []
        assert len(disturbed(events, Chaos(1, Rates().changed(quiet | {"duplicate": 1})))) == 2 * len(events)
        mixed = disturbed(events, Chaos(1, Rates().changed(quiet | {"reorder": 1})))
        assert mixed != events
        assert sorted(e["id"] for e in mixed) == sorted(e["id"] for e in events)

    def test_a_stale_answer_is_that_of_an_earlier_moment(self, play: Play) -> None:
        sandbox = Sandbox(engine=play.engine, deliveries=Deliveries(play.engine.world), api_keys=frozenset())
        sandbox.wall = lambda: float(play.now)
        quiet = dict.fromkeys(("refuse", "hide", "drop"), 0)
        sandbox.chaos = Chaos(1, Rates().changed(quiet | {"stale": 1}))
        path = f"/v1/customers/{play.customer()['id']}"
        before = sandbox.call("GET", path, {}, None)
        changed = sandbox.call("POST", path, {"name": "Ada"}, None)

        assert sandbox.call("GET", path, {}, None).body == before.body != changed.body
        sandbox.chaos = None
        assert sandbox.call("GET", path, {}, None).json()["name"] == "Ada"

    def test_the_fates_of_requests_and_events_are_one_log_to_the_byte(self) -> None:
        logs = []
        for _ in range(2):
            chaos = Chaos("one seed")
            disturbed(list(self.events), chaos)
            fates = {chaos.fate(method, "/v1/refunds") for method in ("GET", "POST") for _ in range(300)}
            assert fates == {None, "refuse", "hide", "drop", "stale"}
            logs.append(b"\n".join(chaos.log))
        assert logs[0] == logs[1]

    def test_what_was_answered_with_500_or_not_at_all_was_done_as_often_as_its_fates_say(self) -> None:
        story = Disturbed(5)
        decided = [msgspec.json.decode(line) for line in story.chaos.log]
        fates = Counter(one["fate"] for one in decided if one.get("request") == "POST /v1/customers")
        statuses = Counter(status for *made, status in story.answered if made == ["POST", "/v1/customers"])
        customers = story.play.engine.world.store.each("customer")

        assert min(fates["refuse"], fates["hide"], fates["drop"]) > 2
        assert (statuses[500], statuses[LOST]) == (fates["refuse"] + fates["hide"], fates["drop"])
        assert len(list(customers)) == fates.total() - fates["refuse"]

    def test_an_unknown_rate_is_refused(self) -> None:
        with pytest.raises(ValueError, match="known are"):
            Rates().changed({"gremlins": 1})
