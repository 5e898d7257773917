"""Running `billing` in this process: what it prints, and how it ends."""

from collections.abc import Callable

import pytest
from attrs import frozen

from billing_cli.main import main


@frozen
class Ended:
    """A command line that was carried out."""

    status: int
    out: str
    err: str


Billing = Callable[..., Ended]


@pytest.fixture
def billing(capsys: pytest.CaptureFixture[str]) -> Billing:
    """Carries out `billing` with these arguments."""

    def carry_out(*arguments: str) -> Ended:
        capsys.readouterr()
        status = main(arguments)
        printed = capsys.readouterr()
        return Ended(status, printed.out, printed.err)

    return carry_out
