"""Reading the policies that a business may set otherwise, noting every fault."""

from __future__ import annotations

from billing_bootstrap.variables import Variables, Wrong
from billing_core.domain.errors import InvalidValue
from billing_core.domain.periods import zone_of
from billing_core.domain.policies import AccessPolicy, Collector, DunningPolicy, Policies, RefundPolicy, RetryPolicy

__all__ = ["read_email_key", "read_policies"]

_DAYS_MAX = 3650


def read_policies(variables: Variables) -> Policies:
    """The policies: those of the domain, but for what the environment says."""
    refund, access, retry = RefundPolicy(), AccessPolicy(), RetryPolicy()
    zone = variables.parsed(
        "REFUND_ZONE", variables.text("REFUND_ZONE"), _zone, refund.zone, "REFUND_ZONE=Europe/Berlin"
    )
    return Policies(
        refund=RefundPolicy(
            window_days=variables.whole("REFUND_WINDOW_DAYS", least=0, most=_DAYS_MAX, default=refund.window_days),
            zone=zone,
        ),
        access=AccessPolicy(
            renewal_slack_hours=variables.whole(
                "RENEWAL_SLACK_HOURS", least=0, most=24 * _DAYS_MAX, default=access.renewal_slack_hours
            ),
            grace_days=variables.whole("GRACE_DAYS", least=0, most=_DAYS_MAX, default=access.grace_days),
        ),
        dunning=_dunning(variables),
        retry=RetryPolicy(
            attempts_max=variables.whole("EVENT_ATTEMPTS_MAX", least=1, most=100, default=retry.attempts_max)
        ),
    )


_KEY_LENGTH_MIN = 32


def read_email_key(variables: Variables) -> bytes | None:
    """The key under which e-mail addresses are hashed; None where they are not looked at."""

    def parse(value: str) -> bytes:
        if len(value) < _KEY_LENGTH_MIN:
            raise Wrong(f"is shorter than {_KEY_LENGTH_MIN} characters.")
        return value.encode()

    name = "TRIAL_EMAIL_KEY"
    return variables.parsed(name, variables.secret(name), parse, None, f"{name}= as `openssl rand -hex 32` makes one")


def _dunning(variables: Variables) -> DunningPolicy:
    """Who collects where a plan does not say; the days are the catalog file's."""
    name = "DUNNING_COLLECTOR"
    return DunningPolicy(collector=Collector(variables.choice(name, tuple(Collector), Collector.PROVIDER)))


def _zone(name: str) -> str:
    try:
        zone_of(name)
    except InvalidValue as error:
        raise Wrong(f"is {name!r}, which is no IANA time zone.") from error
    return name
