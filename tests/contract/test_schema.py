"""The served OpenAPI document against the served API, over real HTTP, as Schemathesis sees them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from billing_core.domain.callers import Role
from tests.builders import DEVOPS, K8S
from tests.contract.sandbox_server import KEY
from tests.contract.sandbox_server import served as served_sandbox
from tests.contract.serving import bearer, sell, served, server_environ

CONFIG = Path(__file__).with_name("schemathesis.toml")
#: Requests per operation in each of the random phases. By hand it is run with hundreds.
EXAMPLES = 2


async def test_the_api_is_what_its_document_says(database_url: str, redis_url: str, tmp_path: Path) -> None:
    """Examples, the edges of each schema, random requests and chains of them along the links: every check holds."""
    await sell(database_url, K8S, DEVOPS)
    with served_sandbox() as box:
        environ = server_environ(
            database_url,
            redis_url,
            STRIPE_SECRET_KEY=KEY,
            STRIPE_API_BASE=box.url,
            RATE_LIMIT_USER="off",
            RATE_LIMIT_ADDRESS="off",
        )
        with served(environ) as (_, client):
            command = [
                *(Path(sys.executable).with_name("schemathesis"), "--config-file", CONFIG, "run"),
                f"{client.base_url}/api/schema/openapi.json",
                *("--seed", "1", "--continue-on-failure", "--no-shrink"),
                *("--max-examples", str(EXAMPLES), "--request-timeout", "20", "--generation-database", "none"),
                *("--header", f"Authorization: {bearer('ann', [Role.ADMIN])['Authorization']}"),
            ]
            run = await asyncio.create_subprocess_exec(*map(str, command), cwd=tmp_path, stdout=subprocess.PIPE)
            told = (await run.communicate())[0].decode()

    assert run.returncode == 0, told
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in told
