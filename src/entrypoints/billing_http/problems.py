"""Problems: every error as `application/problem+json` (RFC 9457), by one table.

The classes of `billing_core.domain.errors` know no HTTP; here each of their leaves has its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec
from attrs import field, frozen

from billing_core.domain import errors

__all__ = [
    "BY_ERROR",
    "STATUSES",
    "TITLES",
    "Code",
    "Problem",
    "ProblemShape",
    "RequestRefused",
    "WrongField",
    "internal_error",
    "invalid",
    "problem_of",
]


class Code(StrEnum):
    """What went wrong, for programs."""

    VALIDATION_FAILED = "validation_failed"
    INVALID_SIGNATURE = "invalid_signature"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    ALREADY_SUBSCRIBED = "already_subscribed"
    ALREADY_OWNED = "already_owned"
    INVALID_TRANSITION = "invalid_transition"
    REFUND_WINDOW_CLOSED = "refund_window_closed"
    ALREADY_REFUNDED = "already_refunded"
    PAYMENT_METHOD_IN_USE = "payment_method_in_use"
    PREVIEW_OUTDATED = "preview_outdated"
    IDEMPOTENCY_IN_PROGRESS = "idempotency_in_progress"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    RATE_LIMITED = "rate_limited"
    INTERNAL_ERROR = "internal_error"
    PROVIDER_ERROR = "provider_error"
    UNAVAILABLE = "unavailable"


#: The one status and the one title of each code.
_CODES: dict[Code, tuple[int, str]] = {
    Code.VALIDATION_FAILED: (400, "The request does not fit"),
    Code.INVALID_SIGNATURE: (400, "The webhook does not verify"),
    Code.UNAUTHENTICATED: (401, "No token, or one that does not verify"),
    Code.FORBIDDEN: (403, "You may not do this"),
    Code.NOT_FOUND: (404, "There is no such thing"),
    Code.METHOD_NOT_ALLOWED: (405, "The method is not allowed here"),
    Code.ALREADY_SUBSCRIBED: (409, "The user has a subscription that still counts"),
    Code.ALREADY_OWNED: (409, "The user already has this"),
    Code.INVALID_TRANSITION: (409, "The present state does not allow this"),
    Code.REFUND_WINDOW_CLOSED: (409, "The time for refunds is over"),
    Code.ALREADY_REFUNDED: (409, "Nothing is left to refund"),
    Code.PAYMENT_METHOD_IN_USE: (409, "A subscription needs this payment method"),
    Code.PREVIEW_OUTDATED: (409, "The preview no longer holds"),
    Code.IDEMPOTENCY_IN_PROGRESS: (409, "What was asked before is still being carried out"),
    Code.PAYLOAD_TOO_LARGE: (413, "The body is too large"),
    Code.UNSUPPORTED_MEDIA_TYPE: (415, "The body is of a type that is not taken"),
    Code.IDEMPOTENCY_KEY_REUSED: (422, "The idempotency key was used with another request"),
    Code.RATE_LIMITED: (429, "Too many requests"),
    Code.INTERNAL_ERROR: (500, "Something went wrong here"),
    Code.PROVIDER_ERROR: (502, "The payment provider refused"),
    Code.UNAVAILABLE: (503, "Not available at the moment"),
}
STATUSES: dict[Code, int] = {code: status for code, (status, _) in _CODES.items()}
TITLES: dict[Code, str] = {code: title for code, (_, title) in _CODES.items()}

#: Which code each leaf of the core's errors is answered with.
BY_ERROR: dict[type[errors.BillingError], Code] = {
    errors.InvalidValue: Code.VALIDATION_FAILED,
    errors.CurrencyMismatch: Code.VALIDATION_FAILED,
    errors.CatalogInvalid: Code.VALIDATION_FAILED,
    errors.SignatureInvalid: Code.INVALID_SIGNATURE,
    errors.NotFound: Code.NOT_FOUND,
    errors.UnknownPlan: Code.NOT_FOUND,
    errors.Forbidden: Code.FORBIDDEN,
    errors.AlreadySubscribed: Code.ALREADY_SUBSCRIBED,
    errors.AlreadyOwned: Code.ALREADY_OWNED,
    errors.InvalidTransition: Code.INVALID_TRANSITION,
    errors.RefundWindowClosed: Code.REFUND_WINDOW_CLOSED,
    errors.AlreadyRefunded: Code.ALREADY_REFUNDED,
    errors.PaymentMethodInUse: Code.PAYMENT_METHOD_IN_USE,
    errors.PreviewOutdated: Code.PREVIEW_OUTDATED,
    errors.OperationInProgress: Code.IDEMPOTENCY_IN_PROGRESS,
    errors.MappingConflict: Code.INVALID_TRANSITION,
    errors.IdempotencyKeyReused: Code.IDEMPOTENCY_KEY_REUSED,
    errors.ProviderAccountMismatch: Code.INVALID_TRANSITION,
    errors.ReconciliationRunning: Code.INVALID_TRANSITION,
    errors.ConcurrentChange: Code.UNAVAILABLE,
    errors.LockTimeout: Code.UNAVAILABLE,
    errors.SchemaMismatch: Code.UNAVAILABLE,
    errors.StorageDenied: Code.UNAVAILABLE,
    errors.StorageUnavailable: Code.UNAVAILABLE,
    errors.PublisherUnavailable: Code.UNAVAILABLE,
    errors.ProviderRefused: Code.PROVIDER_ERROR,
    errors.ProviderUnavailable: Code.UNAVAILABLE,
    errors.OutcomeUnknown: Code.UNAVAILABLE,
}

#: What to do about it for who speaks HTTP, where the core's own words cannot know of routes.
_REMEDIES: dict[type[errors.BillingError], str] = {
    errors.UnknownPlan: "GET /api/subscriptions/plans lists those that are sold.",
}
#: Refusals that are about our own key: what the provider said of it is for our log, not for the caller.
_ABOUT_OUR_KEY = frozenset({"authentication_error", "permission_error"})
_SERVER_ERROR = 500
_RETRY_SECONDS = {Code.UNAVAILABLE: "2", Code.IDEMPOTENCY_IN_PROGRESS: "1"}


class WrongField(msgspec.Struct, frozen=True):
    """A part of the request that does not fit; ``field`` is empty where the whole is meant."""

    field: str
    message: str


class ProblemShape(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an error is answered with."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: tuple[WrongField, ...] | None = None
    provider_code: str | None = None
    decline_code: str | None = None


@frozen(kw_only=True)
class Problem:
    """An error on its way to whoever asked."""

    code: Code
    #: For a person: what happened and what to do.
    detail: str
    errors: tuple[WrongField, ...] = ()
    provider_code: str | None = None
    decline_code: str | None = None
    #: Headers besides the usual ones, by lower-case name.
    headers: Mapping[str, str] = field(factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUSES[self.code]

    @property
    def all_headers(self) -> dict[str, str]:
        """Its headers, and when to try again where that may help."""
        retry = _RETRY_SECONDS.get(self.code)
        return {**({"retry-after": retry} if retry else {}), **self.headers}

    def body(self, instance: str) -> bytes:
        """The JSON document; ``instance`` is the path that was asked for."""
        return msgspec.json.encode(
            ProblemShape(
                type=f"urn:billing:problem:{self.code}",
                title=TITLES[self.code],
                status=self.status,
                detail=self.detail,
                instance=instance,
                code=self.code,
                errors=self.errors or None,
                provider_code=self.provider_code,
                decline_code=self.decline_code,
            )
        )


class RequestRefused(Exception):
    """The request was refused before any use case saw it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        #: Why.
        self.problem = problem


def problem_of(error: errors.BillingError) -> Problem:
    """How an error of the core is answered. What went wrong on our side is said without its inner details."""
    code = BY_ERROR.get(type(error), Code.INTERNAL_ERROR)
    ours = STATUSES[code] >= _SERVER_ERROR and not isinstance(error, errors.ProviderRefused)
    if code is Code.INTERNAL_ERROR:
        return internal_error()
    detail = " ".join((type(error).__doc__ or "").split()) if ours else error.message
    if remedy := _REMEDIES.get(type(error)):
        detail = f"{detail} {remedy}"
    if isinstance(error, errors.ProviderRefused):
        if error.code in _ABOUT_OUR_KEY:
            detail = "The payment provider does not let this service do that. Its operators have been told."
        return Problem(code=code, detail=detail, provider_code=error.code, decline_code=error.decline_code)
    if isinstance(error, errors.InvalidValue):
        return Problem(code=code, detail=detail, errors=(WrongField(error.field, error.message),))
    return Problem(code=code, detail=detail)


def internal_error() -> Problem:
    """The answer to what nobody foresaw."""
    return Problem(
        code=Code.INTERNAL_ERROR,
        detail="This was not foreseen. It is written down under the request's id; try again, or tell us that id.",
    )


def invalid(field: str, message: str) -> RequestRefused:
    """A part of the request does not fit."""
    detail = f"{field}: {message}" if field else message
    return RequestRefused(Problem(code=Code.VALIDATION_FAILED, detail=detail, errors=(WrongField(field, message),)))
