"""Webhooks: what Stripe posts."""

from __future__ import annotations

import structlog
from litestar import Controller, post

from billing_bootstrap.application import Application
from billing_core.domain.errors import SignatureInvalid
from billing_http.answering import Answer, answer
from billing_http.operations import Operation, described
from billing_http.parameters import App
from billing_http.problems import Code
from billing_http.reading import AnyRequest, whole_body
from billing_http.shapes import ReceivedShape

__all__ = ["WEBHOOK_BYTES_MAX", "Webhooks", "receive"]

WEBHOOK_BYTES_MAX = 1024 * 1024


class Webhooks(Controller):
    """``/api/webhooks``."""

    path = "/webhooks"

    @post(
        "/stripe",
        status_code=200,
        request_max_body_size=WEBHOOK_BYTES_MAX,
        opt=described(
            Operation(
                id="receive_stripe_event",
                summary="For Stripe: an event",
                description="Authenticated by the header `Stripe-Signature` over the raw body, of at most 1 MiB."
                " 200 once the event is stored for good, whatever becomes of its handling.",
                public=True,
                answer=ReceivedShape,
                example={"received": True, "duplicate": False},
                errors=(Code.INVALID_SIGNATURE, Code.PAYLOAD_TOO_LARGE),
            )
        ),
    )
    async def stripe(self, request: AnyRequest, application: App) -> Answer:
        """Store an event, and apply it where that can be done at once."""
        signature = request.headers.get("stripe-signature", "")
        return answer(await receive(application, await whole_body(request), signature))


async def receive(application: Application, payload: bytes, signature: str) -> ReceivedShape:
    """Store an event, apply it, and count what became of it. Raises what `GatheredEvents` does."""
    count = application.metrics.deliveries.labels
    try:
        receipt = await application.receive_event(payload, signature)
    except Exception as error:  # whatever it is: who is woken goes by this count
        count("refused" if isinstance(error, SignatureInvalid) else "not_stored").inc()
        raise
    count("duplicate" if receipt.duplicate else receipt.state.value).inc()
    structlog.contextvars.bind_contextvars(
        event_id=receipt.event_id, event_type=receipt.type, event_state=receipt.state.value
    )
    return ReceivedShape(received=True, duplicate=receipt.duplicate)
