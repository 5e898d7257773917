"""Ports: what the use cases need from outside, as Protocols.

The docstrings are promises; `billing_contracts` proves them.
"""
