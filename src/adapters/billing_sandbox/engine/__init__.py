"""The rules of the sandbox: Stripe's objects, how they change, and the events that tell of it."""
