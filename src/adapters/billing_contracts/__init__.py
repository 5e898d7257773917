"""The contract suites of the ports: inherit one to prove an adapter."""
