"""The served OpenAPI document against the served API, over real HTTP, as Schemathesis sees them."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import httpx
from attrs import evolve

from billing_bootstrap.container import open_application
from billing_bootstrap.settings import SERVE, load_settings
from billing_core.domain.callers import Role
from tests.builders import BASIC, DEVOPS, K8S, PRO, TEAM
from tests.contract.sandbox_server import KEY, SECRET, Served
from tests.contract.sandbox_server import served as served_sandbox
from tests.contract.serving import URLS, bearer, free_port, served, server_environ

CONFIG = Path(__file__).with_name("schemathesis.toml")
#: Of the two dozen links that the document names. 14 to 16 are in the chains that are drawn; where nothing is answered
#: with a yes there are none.
LINKS_FOLLOWED_MIN = 10


async def test_the_api_is_what_its_document_says(database_url: str, redis_url: str, tmp_path: Path) -> None:
    """Examples, the edges of each schema, random requests and chains of them along the links: every check holds."""
    port, ann = free_port(), bearer("ann", [Role.ADMIN])
    with served_sandbox(webhook_url=f"http://127.0.0.1:{port}/api/webhooks/stripe") as box:
        environ = server_environ(
            database_url,
            redis_url,
            STRIPE_SECRET_KEY=KEY,
            STRIPE_WEBHOOK_SECRET=SECRET,
            STRIPE_API_BASE=box.url,
            RATE_LIMIT_USER="off",
            RATE_LIMIT_ADDRESS="off",
        )
        async with open_application(load_settings(environ, SERVE)) as application:
            plans = [evolve(plan, stripe_price_id=None) for plan in (BASIC, PRO, TEAM)]
            await application.apply_catalog(plans, [K8S, DEVOPS], actor="test")
        with served(environ, port=port) as (_, client):
            client.headers.update(ann)
            pays(client, box, "/api/subscriptions/checkout-session", {"plan_id": "pro-monthly"})
            pays(client, box, "/api/purchases/create", {"resource_type": "learning_path", "resource_id": "devops"})
            command = [
                *(Path(sys.executable).with_name("schemathesis"), "--config-file", CONFIG, "run"),
                f"{client.base_url}/api/schema/openapi.json",
                *("--seed", "1", "--continue-on-failure", "--no-shrink"),
                *("--request-timeout", "20", "--generation-database", "none"),
                *("--header", f"Authorization: {ann['Authorization']}"),
            ]
            run = await asyncio.create_subprocess_exec(*map(str, command), cwd=tmp_path, stdout=subprocess.PIPE)
            told = (await run.communicate())[0].decode()

    assert run.returncode == 0, told
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in told
    followed = re.search(r"API Links: +(\d+) covered", told)
    assert followed, told
    assert int(followed[1]) >= LINKS_FOLLOWED_MIN, told


def pays(client: httpx.Client, box: Served, path: str, wanted: dict[str, str]) -> None:
    """Buy, and pay without a page: so that there is something to ask for, to change and to give back."""
    answer = client.post(path, json=wanted | URLS)
    assert answer.status_code == 201, answer.text
    assert box.control(f"sessions/{answer.json()['session_id']}/pay", {})["status"] == "complete"
