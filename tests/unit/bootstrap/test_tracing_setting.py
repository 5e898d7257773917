"""Where traces are sent to is a setting that is checked like every other."""

import pytest

from billing_bootstrap.settings import SettingsInvalid, load_settings


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
def test_an_endpoint_turns_tracing_on(name: str) -> None:
    assert load_settings({name: "http://collector:4318"}, set()).tracing_endpoint == "http://collector:4318"
    assert load_settings({}, set()).tracing_endpoint is None


def test_an_endpoint_that_is_none_is_named() -> None:
    with pytest.raises(SettingsInvalid, match="OTEL_EXPORTER_OTLP_ENDPOINT is 'collector', which is no http"):
        load_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector"}, set())
