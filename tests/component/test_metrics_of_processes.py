"""Metrics of several processes of one server, which count together."""

import json
import os
import subprocess
import sys

#: A process that counts one request and one used connection, and tells what all of them have counted.
PROCESS = """
import json, sys
from billing_bootstrap.metrics import Metrics
metrics = Metrics()
metrics.requests.labels("GET", "/api/health", "200").inc()
metrics.pool_connections.labels("used").set(1)
print(json.dumps(metrics.text().decode()), flush=True)
sys.stdin.read()
"""


def test_processes_of_one_server_count_together_and_the_dead_have_no_present(tmp_path: os.PathLike[str]) -> None:
    """What a process counted stays when it is gone; what it said of its own connections does not."""
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command, pipe = [sys.executable, "-c", PROCESS], subprocess.PIPE
    told = []
    for _ in range(2):  # one after the other: the first is gone when the second asks
        with subprocess.Popen(command, env=environ, stdin=pipe, stdout=pipe, text=True) as process:
            assert process.stdout is not None
            told.append(json.loads(process.stdout.readline()))
            process.communicate()

    assert 'billing_http_requests_total{method="GET",route="/api/health",status="200"} 2.0' in told[1]
    assert 'billing_database_pool_connections{state="used"} 1.0' in told[1]
