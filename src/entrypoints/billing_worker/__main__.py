"""`python -m billing_worker`: work until told to stop."""

from billing_worker.main import run

if __name__ == "__main__":
    run()
