"""Subscriptions, purchases, refunds and access as a library: the rules, the ports and the use cases."""
