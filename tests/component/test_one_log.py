"""The sandbox's chaos over the boundary of a process: what is drawn from a seed leans on nothing else."""

import os
import subprocess
import sys

from tests.unit.sandbox.disturbed import Disturbed


def test_the_same_seed_gives_the_same_log_to_the_byte_in_any_process() -> None:
    """Also where texts hash otherwise, so that whatever is taken from a set comes in another order."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.unit.sandbox.disturbed", "7"],
            env=os.environ | {"PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
        )
        for seed in ("1", "2")
    ]
    here = Disturbed(7).log()

    assert {process.communicate()[0] for process in processes} == {here}
    kinds = (b"refuse", b"hide", b"drop", b"stale")
    assert all(b'"fate":"%b"' % kind in here for kind in kinds)
    assert b'"waits":[]' in here
