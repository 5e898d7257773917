"""Trials: one per person, ever (domain rule 6).

A person is known by several marks: the user, the e-mail address with its aliases undone, and the card, where
the provider tells its fingerprint. A trial is claimed by all marks that are known before anybody is asked to
open a checkout; what is claimed already by somebody else's mark is no trial. A claim is given back where the
trial never began: the checkout was refused, or its session expired.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from attrs import frozen

from billing_core.domain.errors import InvalidTransition, InvalidValue
from billing_core.domain.facts import Fact, PaymentMethodSeen, SessionSeen, SubscriptionSeen
from billing_core.domain.known import Known
from billing_core.domain.plans import TRIAL_DAYS_MAX
from billing_core.domain.subscriptions import Status, Subscription

__all__ = [
    "LOOK_AFTER",
    "Mark",
    "MarkKind",
    "TrialClaim",
    "TrialFate",
    "card_marks",
    "concerns_trial",
    "email_mark",
    "fate_of",
    "had_trial",
    "marks_of",
    "require_extension",
    "require_trialing",
    "unaliased",
]

#: A claim of which nothing is heard is looked at this long after it was made, and again after as long.
LOOK_AFTER = timedelta(hours=1)
_GMAIL = frozenset({"gmail.com", "googlemail.com"})


class MarkKind(StrEnum):
    """By what a person is known."""

    USER = "user"
    #: A keyed hash: the address itself is stored nowhere.
    EMAIL = "email"
    #: The provider's fingerprint of a card, equal for the same card however often it was added.
    CARD = "card"


@frozen(order=True)
class Mark:
    """One thing by which a person is known again."""

    kind: MarkKind
    value: str


@frozen(kw_only=True)
class TrialClaim:
    """A trial that is somebody's, from before the checkout is opened on."""

    #: That of the operation that opens the checkout.
    id: str
    user_id: str
    marks: frozenset[Mark]
    claimed_at: datetime
    #: When (UTC) to look what became of it; None where there is nothing to look at.
    look_at: datetime | None
    #: When (UTC) the trial began; None before.
    began_at: datetime | None = None


def unaliased(email: str) -> str:
    """The address that all aliases of a mailbox have in common.

    Lower case; without what follows a ``+``; at Gmail also without dots, under one name of the domain.
    Raises `InvalidValue` for what is no address.
    """
    local, at, domain = email.strip().casefold().rpartition("@")
    local = local.partition("+")[0] or local
    domain = domain.rstrip(".")
    if domain in _GMAIL:
        local, domain = local.replace(".", ""), "gmail.com"
    if not (local and at and domain):
        raise InvalidValue("This is no e-mail address.", field="email")
    return f"{local}@{domain}"


def email_mark(email: str, key: bytes) -> Mark:
    """The mark of an address: HMAC-SHA256 under ``key``, so that whoever reads the table learns no address."""
    return Mark(MarkKind.EMAIL, hmac.new(key, unaliased(email).encode(), hashlib.sha256).hexdigest())


def marks_of(user_id: str, email: str | None, key: bytes | None) -> frozenset[Mark]:
    """What is known of a person before they pay; no mark of an address that is unknown, or that no key is for."""
    user = Mark(MarkKind.USER, user_id)
    return frozenset({user, email_mark(email, key)} if email and key else {user})


def card_marks(known: Known) -> frozenset[Mark]:
    """The cards that a customer has on file."""
    return frozenset(
        Mark(MarkKind.CARD, one.fingerprint)
        for one in known.all(PaymentMethodSeen)
        if one.customer_id and one.fingerprint
    )


class TrialFate(StrEnum):
    """What became of a claim."""

    #: The checkout is open, or was just paid and its subscription is not known yet.
    OPEN = "open"
    BEGAN = "began"
    #: It never began, and cannot any more.
    NEVER = "never"


def fate_of(known: Known, session_id: str | None) -> tuple[TrialFate, datetime | None]:
    """What became of the claim of a checkout with this session, and when (UTC) its trial began."""
    began = [one.trial_start for one in known.all(SubscriptionSeen) if one.trial_start is not None]
    if began:
        return TrialFate.BEGAN, max(began)
    session = known.seen(SessionSeen, session_id)
    return TrialFate.NEVER if session is not None and session.status == "expired" else TrialFate.OPEN, None


def concerns_trial(fact: Fact) -> bool:
    """Whether a fact may say what became of a claim: a checkout is over, a trial began, a card is on file."""
    match fact.after:
        case SessionSeen(status=status):
            return status != "open"
        case SubscriptionSeen(status=status):
            return status == Status.TRIALING
        case PaymentMethodSeen():
            return True
        case _:
            return False


def had_trial(subscriptions: Iterable[SubscriptionSeen]) -> bool:
    """Whether any of these began with a trial."""
    return any(one.trial_start is not None for one in subscriptions)


def require_trialing(subscription: Subscription) -> None:
    """Raises `InvalidTransition` for a subscription that is not on trial: a trial that is over is never given again."""
    if subscription.status != Status.TRIALING or subscription.trial_end is None:
        raise InvalidTransition(f"The subscription is {subscription.status}, not on trial; a trial is given once.")


def require_extension(subscription: Subscription, until: datetime, now: datetime) -> None:
    """Raises `InvalidTransition` or `InvalidValue` where the trial cannot go on until ``until`` (UTC)."""
    require_trialing(subscription)
    if subscription.trial_end is not None and until <= max(subscription.trial_end, now):
        raise InvalidValue("The new end has to lie after the present one.", field="trial_end")
    if (until - subscription.created_at).days > TRIAL_DAYS_MAX:
        raise InvalidValue(f"A trial lasts {TRIAL_DAYS_MAX} days at most.", field="trial_end")
