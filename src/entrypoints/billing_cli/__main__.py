"""`python -m billing_cli`: the program without its entry point, for the children of ``billing dev``."""

from billing_cli.main import run

if __name__ == "__main__":
    run()
