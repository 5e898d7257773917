"""The page of metrics, the alerts and the dashboard name exactly the metrics that there are."""

import json
import re
from typing import Any

import pytest
import yaml

from billing_bootstrap.metrics import Metrics
from tests.architecture.source_tree import REPOSITORY

PAGE = (REPOSITORY / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
ALERTS: dict[str, Any] = yaml.safe_load((REPOSITORY / "docs/operations/alerts.yaml").read_text(encoding="utf-8"))
DASHBOARD: dict[str, Any] = json.loads((REPOSITORY / "docs/operations/dashboard.json").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PANELS = DASHBOARD["panels"]

_METRIC = re.compile(r"\bbilling_\w+")
_SELECTED = re.compile(r"(billing_\w+)\{([^}]*)\}")


def exposed() -> dict[str, tuple[str, ...]]:
    """Every series by name, as Prometheus sees it, with its labels."""
    found = {}
    metric: Any
    for metric in Metrics().registry._names_to_collectors.values():  # noqa: SLF001 - the registry shows only what was used
        kind, name, labels = metric._type, metric._name, tuple(metric._labelnames)  # noqa: SLF001
        found[f"{name}_total" if kind == "counter" else name] = labels
    return found


def series() -> set[str]:
    """Every name that a query may use."""
    histograms = {name for name in exposed() if name.endswith("_duration_seconds")}
    return exposed().keys() | {f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")}


def described() -> dict[str, tuple[str, ...]]:
    """What the page says, by the table."""
    rows = re.findall(r"^\| `(billing_\w+)` \| \w+ \|([^|]*)\|", PAGE, re.MULTILINE)
    return {name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def test_the_page_has_every_metric_with_its_labels() -> None:
    assert described() == exposed()


def test_every_alert_says_how_urgent_it_is_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
        assert rule["annotations"].keys() == {"summary", "description"}, rule["alert"]


@pytest.mark.parametrize(
    "query",
    [
        *(pytest.param(rule["expr"], id=rule["alert"]) for rule in RULES),
        *(
            pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
            for panel in PANELS
            for target in panel["targets"]
        ),
    ],
)
def test_a_query_uses_what_there_is(query: str) -> None:
    """By name and by label; its brackets are closed."""
    assert set(_METRIC.findall(query)) - series() == set()
    for name, selectors in _SELECTED.findall(query):
        plain = re.sub(r"_(bucket|sum|count)$", "", name)
        labels = set(re.findall(r"(\w+)\s*[=!]~?", selectors))
        assert labels <= set(exposed()[plain]) | {"le"}, query
    for opened, closed in ("()", "{}", "[]"):
        assert query.count(opened) == query.count(closed), query


def test_every_metric_is_watched() -> None:
    """By an alert or on the dashboard: one that nobody looks at costs for nothing."""
    queries = " ".join([rule["expr"] for rule in RULES] + [one["expr"] for panel in PANELS for one in panel["targets"]])
    watched = {re.sub(r"_(bucket|sum|count)$", "", name) for name in _METRIC.findall(queries)}

    assert exposed().keys() - watched == set()
