"""Everything that can be refused or go wrong, in the words of billing.

The docstring of a class is its default message: what happened, and what to do about it. The classes
know no HTTP; an entrypoint maps each leaf to a status (``billing_http.problems``).
"""

from __future__ import annotations

from datetime import datetime

__all__ = [
    "AlreadyOwned",
    "AlreadyRefunded",
    "AlreadySubscribed",
    "BillingError",
    "CatalogInvalid",
    "ConcurrentChange",
    "Conflict",
    "CurrencyMismatch",
    "Forbidden",
    "IdempotencyKeyReused",
    "InvalidTransition",
    "InvalidValue",
    "LockTimeout",
    "MappingConflict",
    "NotFound",
    "OperationInProgress",
    "OutcomeUnknown",
    "PaymentMethodInUse",
    "PreviewOutdated",
    "ProviderAccountMismatch",
    "ProviderError",
    "ProviderRefused",
    "ProviderUnavailable",
    "PublisherUnavailable",
    "ReconciliationRunning",
    "RefundWindowClosed",
    "SchemaMismatch",
    "SignatureInvalid",
    "StorageDenied",
    "StorageUnavailable",
    "UnknownPlan",
]


class BillingError(Exception):
    """Something in billing was refused or failed."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))

    @property
    def message(self) -> str:
        """One sentence or two for a person: what happened and what to do."""
        return str(self.args[0])


class InvalidValue(BillingError, ValueError):
    """A value does not fit. Correct the named field and send the request again."""

    def __init__(self, message: str | None = None, *, field: str = "") -> None:
        super().__init__(message)
        #: The name of the field that does not fit; empty where the whole value is meant.
        self.field = field


class CurrencyMismatch(InvalidValue):
    """Amounts of two currencies cannot be added or compared. Convert one of them first."""


class CatalogInvalid(InvalidValue):
    """The catalog does not hold together. Mend the named plan or item and apply it again."""


class SignatureInvalid(BillingError):
    """The webhook's signature or timestamp does not verify. Check the endpoint's signing secret."""


class NotFound(BillingError):
    """There is no such thing, or it belongs to somebody else."""


class UnknownPlan(NotFound):
    """There is no such plan. Take one of those that are sold."""


class Forbidden(BillingError):
    """You may not do this. Ask an administrator, or use the token of the user concerned."""


class Conflict(BillingError):
    """The present state does not allow this. Look at the state first, then decide again."""


class AlreadySubscribed(Conflict):
    """The user has a subscription that still counts. Change its plan instead, or cancel it first."""


class AlreadyOwned(Conflict):
    """The user already has what they would buy. Nothing was charged."""


class InvalidTransition(Conflict):
    """The state of the subscription or purchase does not allow this."""


class RefundWindowClosed(Conflict):
    """The time in which a refund may be asked for is over. An administrator may override it with a reason."""

    def __init__(self, message: str | None = None, *, closed_at: datetime | None = None) -> None:
        super().__init__(message)
        #: The first moment (UTC) at which the window was closed; None where there never was one.
        self.closed_at = closed_at


class AlreadyRefunded(Conflict):
    """Nothing is left to refund of this payment."""


class PaymentMethodInUse(Conflict):
    """A subscription that goes on needs this payment method. Add another one first, or cancel the subscription."""


class PreviewOutdated(Conflict):
    """The previewed amount or time no longer holds. Ask for a new preview and confirm that one."""


class OperationInProgress(Conflict):
    """The same operation is still being carried out. Wait a moment, then ask again."""

    def __init__(self, message: str | None = None, *, operation_id: str | None = None) -> None:
        super().__init__(message)
        #: What is under way, where it is another operation than the one that was asked for.
        self.operation_id = operation_id


class IdempotencyKeyReused(BillingError):
    """This idempotency key was used with another request. Use a new key for a new request."""


class MappingConflict(Conflict):
    """The user or the customer is already tied to another one. Look at both before linking them by hand."""


class ProviderAccountMismatch(Conflict):
    """The key is of another account or mode than this database. Check STRIPE_SECRET_KEY and DATABASE_URL."""


class ReconciliationRunning(Conflict):
    """Another process is at the same reconciliation. Wait until it is done, or for a minute where it was killed."""


class ConcurrentChange(Conflict):
    """Somebody else changed the same thing at the same moment. Try again."""


class LockTimeout(BillingError):
    """Another process holds the lock of this customer for too long. The work is retried later."""


class StorageUnavailable(BillingError):
    """The database cannot be reached. Try again in a moment."""


class StorageDenied(BillingError):
    """The database denies the service something that it needs. Try again later."""


class SchemaMismatch(BillingError):
    """The database is being migrated, or lacks a migration. Try again in a moment."""


class PublisherUnavailable(BillingError):
    """The carrier of events cannot be reached. The events stay in the outbox and are sent later."""


class ProviderError(BillingError):
    """The payment provider did not do what was asked."""


class ProviderRefused(ProviderError):
    """The payment provider refused the request. The code says why; nothing was changed."""

    def __init__(self, message: str | None = None, *, code: str = "", decline_code: str | None = None) -> None:
        super().__init__(message)
        #: The provider's own code, such as ``card_declined`` or ``resource_missing``.
        self.code = code
        #: Why the card's bank declined, where it was a card.
        self.decline_code = decline_code


class ProviderUnavailable(ProviderError):
    """The payment provider cannot be reached. Nothing was changed; try again in a moment."""


class OutcomeUnknown(ProviderError):
    """The payment provider did not answer in time, so it is unknown whether it acted. It is being looked up."""

    def __init__(self, message: str | None = None, *, answered: bool = False) -> None:
        super().__init__(message)
        #: Whether it answered, with a failure of its own: then nothing is under way any more, and the same
        #: idempotency key would only repeat that answer.
        self.answered = answered
