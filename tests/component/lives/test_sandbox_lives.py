"""The laws of lives once more, on a Stripe that shares no rule with us: the sandbox plays, and tells its own events.

What comes out is compared with a second reading of the sandbox's own objects, so that the core cannot agree with
itself alone. Stripe is unreachable but where an object is in doubt, which the core says by itself.
"""

from __future__ import annotations

from random import Random

from attrs import evolve
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from billing_core.domain.facts import Fact, PriceSeen, SessionSeen, Snapshot, SubscriptionSeen
from billing_core.domain.folding import ObjectState
from billing_core.domain.received import ReceivedState
from tests import strategies
from tests.builders import account, states
from tests.receiving import Receiver
from tests.sandbox_account import balance_of, kept_of, rows_of, told_by
from tests.sandbox_lives import OLDER, TODAY, SandboxLife
from tests.strategies import shuffled

_seeds = st.integers(0, 10**9)
_goes_on = st.booleans()
played = st.builds(SandboxLife, _seeds, goes_on=_goes_on)
#: One order of ours at most: the store refuses a second one while the first holds its place.
ordered_once = st.builds(SandboxLife, _seeds, orders_max=st.just(1), goes_on=_goes_on)

#: A smaller seed is no simpler life: a failure is shown as it was found.
_AS_FOUND = (Phase.explicit, Phase.reuse, Phase.generate)
LIVES = settings(strategies.MANY_LIVES, phases=_AS_FOUND)
FEW_LIVES = settings(strategies.FEW_LIVES, phases=_AS_FOUND)


def disturbed(life: SandboxLife, seed: int) -> list[Fact]:
    """Its facts shuffled, some twice, each as endpoints of two versions of the API are told it."""
    both = life.facts(TODAY) + life.facts(OLDER)
    kept = {fact.id: fact for fact in shuffled(both, seed)}
    return shuffled([*kept.values(), *both[::3]], seed + 1)


def in_doubt(life: SandboxLife, found: list[ObjectState]) -> list[Fact]:
    """What the sandbox answers about the objects that the core is not sure of."""
    answers = [life.asked(state.ref.kind, state.ref.id) for state in found if state.ambiguous]
    return [fact for fact in answers if fact is not None]


@LIVES
@given(played, _seeds)
@example(SandboxLife(174835), 40553248)  # a month is given up as uncollectible, and a change of plan credits it
@example(SandboxLife(681232, goes_on=True), 350)  # disputed in a pause; two changes of one second, the last of quantity
@example(SandboxLife(160), 0)  # an upgrade in the second of the purchase, whose own payment is given back
@example(SandboxLife(333166665, goes_on=True), 411)  # months on the credit for a year that was resumed, and refunded
def test_any_order_repetition_and_rendering_gives_what_the_sandbox_itself_says(life: SandboxLife, seed: int) -> None:
    facts = disturbed(life, seed)
    found = states(facts)
    assert sorted(found, key=_by_ref) == sorted(states(life.facts()), key=_by_ref), life.script

    derived = account(facts + in_doubt(life, found), orders=life.orders, catalog=life.catalog)

    assert rows_of(derived) == told_by(life), life.script
    assert kept_of(derived) == {intent: max(0, left) for intent, left in balance_of(life).items()}, life.script


def _by_ref(state: ObjectState) -> str:
    return str(state.ref)


@LIVES
@given(played)
def test_each_object_is_as_the_sandbox_has_it_or_in_doubt(life: SandboxLife) -> None:
    for state in states(life.facts()):
        truth = life.asked(state.ref.kind, state.ref.id)
        if state.ambiguous or truth is None:
            continue
        assert _as_told(state.snapshot) == _as_told(truth.after), life.script


def _as_told(snapshot: Snapshot) -> Snapshot:
    """An object without what the sandbox changes without a word, as Stripe does; nothing of ours is read from that."""
    match snapshot:
        case PriceSeen():
            return evolve(snapshot, active=True)  # one that was made for a single checkout is not for sale
        case SubscriptionSeen():
            return evolve(snapshot, latest_invoice_id=None)  # what its end settled
        case SessionSeen(payment_status="failed"):
            return evolve(snapshot, payment_status="unpaid")  # only the type of the event says it
        case _:
            return snapshot


@LIVES
@given(played)
def test_both_versions_of_the_api_tell_the_same(life: SandboxLife) -> None:
    assert life.facts(OLDER) == life.facts(TODAY)


@FEW_LIVES
@given(ordered_once, _seeds)
async def test_what_is_received_in_any_order_is_stored_as_what_is_received_in_order(
    life: SandboxLife, seed: int
) -> None:
    """The whole way: signed bytes, verified, stored, applied or parked; each event has one effect."""
    dice = Random(seed)  # noqa: S311 - the same order for the same seed
    late = [(event, dice.choice((TODAY, OLDER))) for event in life.events]
    late += dice.sample(late, len(late) // 3)
    dice.shuffle(late)
    in_time, out_of_order = Receiver(), Receiver()
    for receiver, deliveries in ((in_time, [(event, TODAY) for event in life.events]), (out_of_order, late)):
        await receiver.sells(life.catalog, life.orders)
        for event, version in deliveries:
            await receiver.receives(event, version)
        await receiver.works()

    assert await out_of_order.doubts() == await in_time.doubts()
    for receiver in (in_time, out_of_order):
        await receiver.asks(life.asked(ref.kind, ref.id) for ref in await receiver.doubts())
        versions = await receiver.versions()
        assert versions == list(range(1, len(versions) + 1))
        assert set(await receiver.states()) <= {ReceivedState.APPLIED, ReceivedState.IGNORED}, life.script
    assert await out_of_order.account() == await in_time.account(), life.script
    assert rows_of(await out_of_order.account()) == told_by(life), life.script
