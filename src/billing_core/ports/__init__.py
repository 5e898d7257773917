"""Ports: what the use cases need from outside, as Protocols. The docstrings are promises, proved by `billing_contracts`."""
