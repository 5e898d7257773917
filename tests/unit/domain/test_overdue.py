"""Since when a renewal has been unpaid, and until when that is borne with: as a price list.

The renewal of 1 February (day 31) is made at midnight, finalised at 1 o'clock and tried then: that fails. The grace is
seven days.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations

import pytest
from attrs import evolve

from billing_core.domain.facts import Fact
from billing_core.domain.subscriptions import Subscription
from tests.builders import account, day, looked_up, told
from tests.provider_objects import subscription
from tests.unpaid import OPEN, declined

FINALISED, FAILED, SEEN = day(31, hours=1), day(31, hours=1, seconds=5), day(34)
ACTIVE, OWES = subscription(), subscription("past_due")
RELABELLED = evolve(OWES, default_payment_method_id="pm_2")
INVOICE = evolve(OPEN, finalized_at=FINALISED)

BEGAN = told("customer.subscription.created", ACTIVE, day(0))
HEARD = told("customer.subscription.updated", OWES, FAILED, before=ACTIVE)
ANSWERED = looked_up(OWES, SEEN)
ASKED_FOR_THE_INVOICE = looked_up(INVOICE, SEEN)
_PAYMENT, _LINK, _CHARGE = declined()
#: The payment, its link to the invoice, and a charge for each try: at once, and on the third day.
TRIED = [
    looked_up(one, SEEN)
    for one in (_PAYMENT, _LINK, evolve(_CHARGE, created=FAILED), evolve(_CHARGE, id="ch_2", created=SEEN))
]


def owes(facts: list[Fact]) -> Subscription:
    (row,) = account(facts).subscriptions
    return row


@pytest.mark.parametrize(
    ("facts", "since"),
    [
        pytest.param([BEGAN, HEARD], FAILED, id="told when it failed"),
        pytest.param([BEGAN, HEARD, ASKED_FOR_THE_INVOICE, *TRIED], FAILED, id="told, and everything is known"),
        pytest.param([BEGAN, HEARD, ASKED_FOR_THE_INVOICE], FAILED, id="told: that the invoice is older says nothing"),
        pytest.param([BEGAN, HEARD, ANSWERED, ASKED_FOR_THE_INVOICE], FAILED, id="told, and answered later"),
        pytest.param([BEGAN, ANSWERED, ASKED_FOR_THE_INVOICE, *TRIED], FAILED, id="lost: the first failed charge"),
        pytest.param([ANSWERED, ASKED_FOR_THE_INVOICE, *TRIED], FAILED, id="all lost: the first failed charge"),
        pytest.param([BEGAN, ANSWERED, ASKED_FOR_THE_INVOICE], FINALISED, id="no charge: when it was finalised"),
        pytest.param([BEGAN, ANSWERED, looked_up(OPEN, SEEN)], day(31), id="neither: when it was made"),
        pytest.param([BEGAN, ANSWERED], SEEN, id="no invoice: when it was first seen"),
        pytest.param(
            [BEGAN, told("customer.subscription.updated", RELABELLED, day(33), before=OWES), ASKED_FOR_THE_INVOICE],
            FINALISED,
            id="lost, and another change told: it says that it was past due before",
        ),
        pytest.param(
            [BEGAN, looked_up(ACTIVE, day(32)), ANSWERED, ASKED_FOR_THE_INVOICE],
            day(32),
            id="not before it was last known to be active",
        ),
        pytest.param(
            [BEGAN, told("customer.subscription.updated", OWES, day(33), before=ACTIVE), ASKED_FOR_THE_INVOICE],
            day(33),
            id="an older unpaid invoice does not move a change that was told",
        ),
    ],
)
def test_the_grace_counts_from_the_first_failure_whatever_was_lost(facts: list[Fact], since: datetime) -> None:
    row = owes(facts)
    assert row.past_due_since == since
    assert row.grace_until == since + timedelta(days=7)


def test_what_comes_late_only_makes_it_more_exact() -> None:
    """Each fact that comes narrows it: the answer, the invoice, the charges, and at last what was lost."""
    told_so_far: list[Fact] = [BEGAN]
    found = []
    for more in ([ANSWERED], [ASKED_FOR_THE_INVOICE], TRIED, [HEARD]):
        told_so_far += more
        found.append(owes(told_so_far).past_due_since)
    assert found == [SEEN, FINALISED, FAILED, FAILED]


def test_the_order_in_which_facts_come_does_not_matter() -> None:
    facts = [BEGAN, HEARD, ANSWERED, ASKED_FOR_THE_INVOICE]
    assert {owes(list(arrived)).past_due_since for arrived in permutations(facts)} == {FAILED}
