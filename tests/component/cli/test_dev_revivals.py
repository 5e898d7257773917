"""What `billing dev` starts again, and when it gives up."""

from billing_cli.dev.revivals import Revivals


def test_what_the_rest_can_be_without_is_started_again_and_said() -> None:
    said: list[str] = []
    revivals = Revivals(lambda: 100.0, said.append)

    assert [revivals.may(name) for name in ("redis", "database", "sandbox")] == [True, True, True]
    assert said[0] == "redis ended by itself, and is started again where it was.\n"


def test_a_program_of_our_own_that_ends_is_a_fault() -> None:
    assert [Revivals(lambda: 100.0, len).may(name) for name in ("api", "worker")] == [False, False]


def test_what_ends_again_and_again_is_given_up_after_a_minute() -> None:
    """Until then it may be held up by what was left of it; it is told once."""
    said: list[str] = []
    times = iter([100.0, *(100.0 + second for second in range(1, 62))])
    revivals = Revivals(lambda: next(times), said.append)

    assert [revivals.may("redis") for _ in range(62)] == [True] * 61 + [False]
    assert len(said) == 1


def test_what_ran_well_meanwhile_has_its_minute_again() -> None:
    times = iter([100.0, 150.0, 200.0])
    revivals = Revivals(lambda: next(times), len)

    assert [revivals.may("redis") for _ in range(3)] == [True, True, True]
