"""`python -m billing_worker`: work until told to stop."""

from billing_bootstrap.starting import collect_rarely


def main() -> None:
    """Work until told to stop."""
    collect_rarely()
    from billing_worker.main import run  # noqa: PLC0415 - all that the worker is made of: only now

    run()


if __name__ == "__main__":
    main()
