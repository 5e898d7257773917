"""The container: every use case gets the port that it is meant for."""

from datetime import timedelta
from typing import Any

import attrs
import pytest

from billing_bootstrap.application import Application, Ports
from billing_bootstrap.clocks import BusinessClock, RealClock
from billing_bootstrap.container import application_on
from billing_bootstrap.settings import Settings
from billing_core.domain.policies import Policies, RetryPolicy
from billing_memory import ManualClock


class Labelled:
    """A stand-in that only says which port it stands behind."""

    def __init__(self, port: str) -> None:
        self.port = port

    def __repr__(self) -> str:
        return f"<{self.port}>"


POLICIES = Policies(retry=RetryPolicy(attempts_max=7))
PORTS: dict[str, Any] = {field.name: Labelled(field.name) for field in attrs.fields(Ports)}


@pytest.fixture(scope="module")
def application() -> Application:
    """An application on stand-ins."""
    return application_on(Settings(policies=POLICIES), Ports(**PORTS))


#: What an attribute of a use case is called, where it differs from the port.
NAMED = {"provider": "payment_provider"}


def ports_within(value: object, path: str = "application") -> dict[str, Labelled]:
    """Every stand-in that is reached from ``value``, by where it was found."""
    if isinstance(value, Labelled):
        return {path: value}
    kind: Any = type(value)
    found: dict[str, Labelled] = {}
    for field in attrs.fields(kind) if attrs.has(kind) else ():
        found |= ports_within(getattr(value, field.name), f"{path}.{field.name}")
    return found


def test_each_attribute_holds_the_port_of_its_name(application: Application) -> None:
    """But for the catalog, another side of the provider; what nobody waits for, real time keeps or may be old."""
    others = {
        "application.apply_catalog.provider": "provider_catalog",
        "application.pull_catalog.provider": "provider_catalog",
        "application.pull_catalog.apply.provider": "provider_catalog",
        "application.publish_events.clock": "real_clock",
        "application.answer_once.clock": "real_clock",
        "application.reconcile.lookup": "patient_lookup",
        "application.reconcile.objects.ask.lookup": "patient_lookup",
        "application.read_report.units": "stale_units",
    }
    found = ports_within(application)

    assert len(found) > 50
    for path, stand_in in found.items():
        name = path.rpartition(".")[2].lstrip("_")
        assert stand_in.port == others.get(path, NAMED.get(name, name)), path


def test_every_port_is_used(application: Application) -> None:
    assert {stand_in.port for stand_in in ports_within(application).values()} == PORTS.keys()


def test_policies_are_those_of_the_settings(application: Application) -> None:
    assert application.policies is POLICIES
    assert application.carry_out.retries.attempts_max == 7
    assert application.retry_events.retries.attempts_max == 7


def test_what_is_shared_is_shared(application: Application) -> None:
    assert application.create_purchase.carry_out is application.request_refund.carry_out is application.carry_out
    assert application.decide_access.catalogs is application.catalogs


def test_two_applications_share_nothing() -> None:
    first, second = (application_on(Settings(), Ports(**PORTS)) for _ in range(2))

    assert first.carry_out is not second.carry_out


def test_business_time_is_ahead_by_its_offset() -> None:
    real = ManualClock()
    clock = BusinessClock(real)
    assert clock.now() == real.now()

    clock.offset = timedelta(days=31)

    assert clock.now() == real.now() + timedelta(days=31)


def test_real_time_is_utc() -> None:
    assert RealClock().now().utcoffset() == timedelta()
