"""What `billing dev` starts again, and when it gives up."""

from billing_cli.dev.revivals import Revivals


def test_what_the_rest_can_be_without_is_started_again_and_said() -> None:
    said: list[str] = []
    revivals = Revivals(lambda: 100.0, said.append)

    assert [revivals.may(name) for name in ("redis", "database", "sandbox")] == [True, True, True]
    assert said[0] == "redis ended by itself, and is started again where it was.\n"


def test_a_program_of_our_own_that_ends_is_a_fault() -> None:
    assert [Revivals(lambda: 100.0, len).may(name) for name in ("api", "worker")] == [False, False]


def test_what_ends_at_once_again_is_not_started_for_ever() -> None:
    times = iter([100.0, 101.9, 110.0])
    revivals = Revivals(lambda: next(times), len)

    assert [revivals.may("redis") for _ in range(3)] == [True, False, True]
