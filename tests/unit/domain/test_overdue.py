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
from tests.provider_objects import charge, subscription
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


#: The renewal of 1 March is made at midnight (day 59), finalised an hour later, and fails then too.
NEXT_FINALISED, NEXT_FAILED = day(59, hours=1), day(59, hours=1, seconds=5)
NEXT = evolve(INVOICE, id="in_3", created=day(59), finalized_at=NEXT_FINALISED)
NEXT_HEARD = told("invoice.payment_failed", NEXT, NEXT_FAILED)
NEXT_AGAIN = told("invoice.payment_failed", evolve(NEXT, attempt_count=2), day(62))
INVOICE_HEARD = told("invoice.payment_failed", INVOICE, FAILED)
PAID_LATE = told("invoice.paid", evolve(INVOICE, status="paid", paid_at=day(70)), day(70))
WRITTEN_OFF = told("invoice.marked_uncollectible", evolve(INVOICE, status="uncollectible"), day(45))
VOIDED = told("invoice.voided", evolve(INVOICE, status="void"), day(60))


@pytest.mark.parametrize(
    ("facts", "since"),
    [
        pytest.param([INVOICE_HEARD, NEXT_HEARD], FAILED, id="two are owed: since the older one failed"),
        pytest.param([INVOICE_HEARD, NEXT_HEARD, PAID_LATE], NEXT_FAILED, id="the older one was paid"),
        pytest.param([INVOICE_HEARD, NEXT_HEARD, VOIDED], NEXT_FAILED, id="the older one was voided"),
        pytest.param([INVOICE_HEARD, WRITTEN_OFF], FAILED, id="written off, it is owed still"),
        pytest.param([INVOICE_HEARD, WRITTEN_OFF, NEXT_HEARD], FAILED, id="written off, and the next one fails too"),
        pytest.param([INVOICE_HEARD, WRITTEN_OFF, NEXT_HEARD, PAID_LATE], NEXT_FAILED, id="written off, and paid"),
        pytest.param([PAID_LATE, NEXT_AGAIN], NEXT_FINALISED, id="of the second, only a second try was heard"),
        pytest.param([INVOICE_HEARD, NEXT_HEARD, NEXT_AGAIN, PAID_LATE], NEXT_FAILED, id="each try was heard"),
    ],
)
def test_of_several_bills_the_oldest_that_is_owed_counts_also_after_a_loss(facts: list[Fact], since: datetime) -> None:
    """Whoever settles it owes the next one, and that since it failed itself. A bill that was written off is owed."""
    mended = [one for one in facts if one != INVOICE_HEARD]
    ends = {one.after.id: looked_up(one.after, day(80)) for one in sorted(facts, key=lambda one: one.occurred_at)}
    lossless, lossy = owes([BEGAN, HEARD, *facts]), owes([BEGAN, looked_up(OWES, day(80)), *mended, *ends.values()])
    assert (lossless.past_due_since, lossy.past_due_since) == (since, since if since != FAILED else FINALISED)


def test_a_bill_from_before_the_last_that_was_paid_is_of_another_time() -> None:
    """Left open a year ago, while the customer went on to pay: it gives no grace away, and takes none."""
    old = told("invoice.payment_failed", evolve(INVOICE, id="in_0", created=day(1), finalized_at=day(1)), day(1))
    paid = told("invoice.paid", evolve(INVOICE, id="in_1", status="paid", created=day(20), amount_paid=2900), day(20))
    facts = [BEGAN, looked_up(OWES, day(80)), old, paid, ASKED_FOR_THE_INVOICE]
    assert owes(facts).past_due_since == FINALISED
    # Where nothing newer is owed it is what makes the subscription past due.
    assert owes(facts[:-1]).past_due_since == day(1)


def test_what_was_past_due_as_a_bill_was_made_was_so_because_of_another() -> None:
    """The first change was lost; the next one told is that of the period, in the second in which the bill is made."""
    moved = told("customer.subscription.updated", RELABELLED, day(59), before=OWES)
    assert owes([BEGAN, moved, PAID_LATE, NEXT_HEARD]).past_due_since == NEXT_FAILED


def test_the_schedule_of_a_bill_counts_from_its_own_failure() -> None:
    """Written off, the first bill gives the second no grace; yet what is done about the second begins with it."""
    dunning = owes([BEGAN, HEARD, INVOICE_HEARD, WRITTEN_OFF, NEXT_HEARD]).dunning
    assert dunning is not None
    assert (dunning.stripe_invoice_id, dunning.first_failed_at) == ("in_3", NEXT_FAILED)


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


def test_a_debit_that_came_back_after_days_failed_when_it_came_back() -> None:
    """Sent on day 31, back on day 36: the subscription's own event is lost, the charge's two are not."""
    failed = charge(identity="ch_1", created=FAILED, status="failed", payment_id=_PAYMENT.id)
    sent = evolve(failed, status="pending")
    came_back = told("charge.failed", failed, day(36))
    facts = [BEGAN, looked_up(OWES, day(40)), looked_up(INVOICE, day(40)), told("charge.pending", sent, FAILED)]
    row = owes([*facts, came_back, *(looked_up(one, day(40)) for one in (_PAYMENT, _LINK))])
    assert row.past_due_since == day(36)
    assert row.dunning is not None
    assert row.dunning.first_failed_at == day(36)


def _bill(number: int, status: str, made: float) -> Fact:
    seen = evolve(INVOICE, id=f"in_{number}", status=status, created=day(made), finalized_at=day(made))
    return looked_up(evolve(seen, amount_paid=2900 if status == "paid" else 0), day(80))


@pytest.mark.parametrize(
    ("bills", "since"),
    [
        pytest.param([(1, "open", 1), (2, "void", 10), (3, "open", 20)], 20, id="voided after it: of another time"),
        pytest.param([(1, "open", 1), (2, "draft", 10), (3, "open", 20)], 1, id="a draft after it settles nothing"),
        pytest.param([(1, "open", 1), (2, "paid", 10), (3, "open", 20), (4, "paid", 30)], 1, id="the oldest of those"),
        pytest.param([(1, "uncollectible", 1), (2, "paid", 10)], 80, id="written off before the last that was paid"),
    ],
)
def test_which_of_older_bills_is_owed(bills: list[tuple[int, str, float]], since: float) -> None:
    """Past due as seen on day 80; nothing told when it began."""
    assert owes([BEGAN, looked_up(OWES, day(80)), *(_bill(*one) for one in bills)]).past_due_since == day(since)
