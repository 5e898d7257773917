"""A stateful Stripe on loopback, for development, demonstrations and tests. Never a place for real money.

`billing_sandbox.engine` is the deterministic library: no sockets, no wall clock, no global randomness.
The rest of the package serves it: HTTP face, checkout page, webhook delivery, control API, snapshots on disk.
"""
