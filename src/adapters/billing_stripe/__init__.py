"""The payment provider's port, spoken to Stripe."""
