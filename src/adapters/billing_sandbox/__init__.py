"""A stateful Stripe on loopback, for development, demos and tests."""
