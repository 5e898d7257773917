"""Every report by its name: what it has to know, and what it makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeAlias

from attrs import frozen

from billing_core.domain.analytics.journal import JournalQuery, Total
from billing_core.domain.analytics.reports import (
    churn,
    cohorts,
    dunning,
    lifetime_value,
    movements,
    mrr,
    refunds,
    trials,
)
from billing_core.domain.analytics.reports.frames import Question

__all__ = ["REPORTS", "Report", "ReportName"]

Report: TypeAlias = (
    mrr.MrrReport
    | movements.MovementsReport
    | churn.ChurnReport
    | lifetime_value.LifetimeReport
    | trials.TrialsReport
    | dunning.DunningReport
    | refunds.RevenueReport
    | cohorts.CohortsReport
)


class ReportName(StrEnum):
    """The reports that there are."""

    MRR = "mrr"
    MOVEMENTS = "movements"
    CHURN = "churn"
    LTV = "ltv"
    TRIALS = "trials"
    DUNNING = "dunning"
    REFUNDS = "refunds"
    COHORTS = "cohorts"


@frozen
class Rule:
    """How one report is made."""

    #: What has to be asked of the journal.
    asks: Callable[[Question], tuple[JournalQuery, ...]]
    #: What the answers add up to, given the plan of each price: one report for each currency.
    makes: Callable[[Question, Sequence[Sequence[Total]], dict[str, str]], Sequence[Report]]


REPORTS: dict[ReportName, Rule] = {
    ReportName.MRR: Rule(mrr.asks, mrr.report),
    ReportName.MOVEMENTS: Rule(movements.asks, movements.report),
    ReportName.CHURN: Rule(churn.asks, churn.report),
    ReportName.LTV: Rule(lifetime_value.asks, lifetime_value.report),
    ReportName.TRIALS: Rule(trials.asks, trials.report),
    ReportName.DUNNING: Rule(dunning.asks, dunning.report),
    ReportName.REFUNDS: Rule(refunds.asks, refunds.report),
    ReportName.COHORTS: Rule(cohorts.asks, cohorts.report),
}
