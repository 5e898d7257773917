"""The file of `billing policy try`: what is wrong in it is said with its table and its field."""

import tomllib

import pytest

from billing_cli.commands.policy import trial_of
from billing_cli.failures import CommandFailed
from billing_core.domain.policy_lab import Trial


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[acces]\ngrace_days = 3", "[acces] is no policy that can be tried"),
        ("access = 3", "[access] is a table"),
        ("trial = 30", "[trial] is a table"),
        ("[access]\ngrace = 3", "[access] grace: grace is unknown"),
        ('[access]\ngrace_days = "three"', "[access] grace_days: Expected `int`, got `str`."),
        ("[dunning]\nretry_days = [7, 3]", "[dunning] retry_days: retry_days are whole days that ascend"),
        ("[proration]\nunit = 'week'", "[proration] unit: It is one of second, day"),
        ("[trial]\ndays = -1", "[trial] days is a whole number of days, from 0 to 730."),
        ("[trial]\ndays = 4000", "[trial] days is a whole number of days, from 0 to 730."),
        ("[trial]\ndays = true", "[trial] days is a whole number of days, from 0 to 730."),
        ("[trial]\nreminder_days = 3", "[trial] has days alone, not reminder_days."),
    ],
)
def test_what_cannot_be_tried_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(CommandFailed) as refused:
        trial_of(tomllib.loads(text))
    assert str(refused.value).startswith(says)


def test_a_table_that_is_left_out_stays_as_it_was_agreed() -> None:
    assert trial_of({}) == Trial()
    tried = trial_of({"trial": {"days": 0}, "access": {"grace_days": 3}})
    assert (tried.trial_days, tried.access and tried.access.grace_days, tried.refund) == (0, 3, None)
