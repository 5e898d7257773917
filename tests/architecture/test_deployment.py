"""What the image and the compose file say fits what there is: settings, commands, files, probes."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from billing_bootstrap.settings import SERVE, load_settings
from tests.architecture.source_tree import REPOSITORY

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
OURS = {name: service for name, service in COMPOSE["services"].items() if service.get("image") == "billing:latest"}
SETTINGS_PAGE = (REPOSITORY / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", OURS)
def test_each_process_gets_settings_that_there_are(name: str) -> None:
    for variable in OURS[name]["environment"]:
        assert f"`{variable.removesuffix('_FILE')}`" in SETTINGS_PAGE, variable


def test_the_settings_suffice_to_serve(tmp_path: Path) -> None:
    """With the files and the variables that the guide has one make."""
    values = {"database_url": "postgresql://billing@postgres/billing", "stripe_secret_key": "rk_test_1"}
    values |= {"stripe_webhook_secret": "whsec_1", "jwt_secret": "a" * 64, "jwt_refresh_secret": "b" * 64}
    environ = {}
    for variable, value in OURS["api"]["environment"].items():
        if variable.endswith("_FILE"):
            file = tmp_path / value.rpartition("/")[2]
            file.write_text(values[file.name])
            environ[variable] = str(file)
        else:
            environ[variable] = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value)
    environ["CHECKOUT_RETURN_ORIGINS"] = "https://app.example.com"

    assert load_settings(environ, SERVE).redis_url == "redis://redis:6379/0"


def test_every_secret_and_volume_that_is_used_is_declared() -> None:
    used = {secret for service in COMPOSE["services"].values() for secret in service.get("secrets", ())}

    assert used == COMPOSE["secrets"].keys()
    assert {volume.partition(":")[0] for volume in COMPOSE["services"]["postgres"]["volumes"]} == COMPOSE[
        "volumes"
    ].keys()


def test_each_process_waits_for_what_it_needs() -> None:
    for name, service in COMPOSE["services"].items():
        for needed, how in service.get("depends_on", {}).items():
            condition = how["condition"]
            assert needed in COMPOSE["services"], name
            assert condition == "service_completed_successfully" or COMPOSE["services"][needed]["healthcheck"]["test"]


def test_the_database_is_not_taken_for_ready_while_its_image_makes_it() -> None:
    """Meanwhile its server answers on the socket alone, and is stopped once more: migrations would be refused."""
    probe = COMPOSE["services"]["postgres"]["healthcheck"]["test"]

    assert probe[:4] == ["CMD", "pg_isready", "--host", "127.0.0.1"]


def test_processes_have_longer_to_stop_than_they_take() -> None:
    """30 s for requests under way after the drain, 20 s for runs of a worker."""
    assert {name: service["stop_grace_period"] for name, service in OURS.items() if name != "migrate"} == {
        "api": "45s",
        "worker": "45s",
    }


def test_the_image_runs_without_rights_and_is_made_of_files_that_there_are() -> None:
    copied = re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    allowed = re.findall(r"^!(\S+)$", (REPOSITORY / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)

    names = {name for line in copied for name in line.split()}
    assert all((REPOSITORY / name).exists() for name in names)
    assert names == set(allowed)
    assert "USER 10001" in DOCKERFILE.split("\nFROM ")[-1]
    assert "--require-hashes" in DOCKERFILE
    assert "/api/health/ready" in DOCKERFILE
