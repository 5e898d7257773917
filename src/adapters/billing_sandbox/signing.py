"""Stripe's webhook signature, scheme v1."""

import hashlib
import hmac


def signature_header(body: bytes, secret: str, timestamp: int) -> str:
    """The `Stripe-Signature` for these exact bytes; `timestamp` is real time, in Unix seconds."""
    signed = f"{timestamp}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"
