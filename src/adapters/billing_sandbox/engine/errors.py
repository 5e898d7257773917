"""Stripe's error bodies. Every refusal of the sandbox is one of these."""

from billing_sandbox.engine.objects import Obj


class Fault(Exception):
    """An answer other than 200, as Stripe would give it.

    Attributes:
        status: The HTTP status.
        error: The hash under `error` in the body.
        keeps_changes: Whether what was done before stays done (a declined charge is a fact, a wrong parameter is not).
        executed: Whether an operation had begun: only then is the answer kept under an idempotency key.
    """

    keeps_changes = False
    executed = True

    def __init__(self, status: int, error_type: str, message: str, **fields: object) -> None:
        super().__init__(message)
        self.status = status
        self.error: Obj = {"type": error_type, "message": message} | {k: v for k, v in fields.items() if v is not None}

    @property
    def body(self) -> Obj:
        """The whole answer."""
        return {"error": self.error}


class InvalidRequest(Fault):
    """400: the request makes no sense in this state."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(status, "invalid_request_error", message, param=param, code=code)


class InvalidParam(InvalidRequest):
    """400: a parameter is missing, unknown or malformed. Nothing was executed, nothing is kept under the key."""

    executed = False


class CardDeclined(Fault):
    """402: a card was refused. The failed attempt stays on record unless `keep` says otherwise."""

    def __init__(self, error: Obj, *, keep: bool = True) -> None:
        super().__init__(402, "card_error", str(error.get("message", "Your card was declined.")))
        self.error |= {key: value for key, value in error.items() if value is not None}
        self.keeps_changes = keep


def missing(kind: str, object_id: str, *, param: str, status: int) -> InvalidRequest:
    """No such object: 404 where the path names it, 400 where a parameter does."""
    noun = kind if "." in kind else kind.replace("_", "")
    return InvalidRequest(f"No such {noun}: '{object_id}'", param=param, code="resource_missing", status=status)
