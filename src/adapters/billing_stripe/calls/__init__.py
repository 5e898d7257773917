"""What each command of ours asks of Stripe: one function a command, listed in `billing_stripe.gateway`."""
