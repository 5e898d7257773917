"""Stripe's test cards: what each number and each `pm_card_…` token does when it is attached, charged or disputed."""

import hashlib

from attrs import frozen

from billing_sandbox.engine.objects import Obj


@frozen(kw_only=True)
class Card:
    """How a card behaves."""

    number: str = "4242424242424242"
    brand: str = "visa"
    #: Decline code when the card is attached or first checked.
    attach_decline: str | None = None
    #: Decline code of every charge.
    charge_decline: str | None = None
    #: `always`, `unless_set_up` (a saved card may be charged off session), or None.
    authentication: str | None = None
    #: Reason of the dispute that follows a charge by itself.
    dispute: str | None = None
    #: `fails` or `pending`: how refunds go.
    refund: str | None = None
    #: A method whose payments are `processing` for days: `succeeds` or `fails` in the end.
    delayed: str | None = None

    @property
    def last4(self) -> str:
        """The last four digits."""
        return self.number[-4:]

    @property
    def fingerprint(self) -> str:
        """The same for the same number, always."""
        return hashlib.sha256(self.number.encode()).hexdigest()[:16]


def _declined(number: str, code: str) -> Card:
    return Card(number=number, attach_decline=code, charge_decline=code)


_CARDS = (
    Card(),
    Card(number="4000056655665556"),
    Card(number="5555555555554444", brand="mastercard"),
    Card(number="378282246310005", brand="amex"),
    Card(number="6011111111111117", brand="discover"),
    _declined("4000000000000002", "generic_decline"),
    _declined("4000000000009995", "insufficient_funds"),
    _declined("4000000000009987", "lost_card"),
    _declined("4000000000009979", "stolen_card"),
    _declined("4000000000000069", "expired_card"),
    _declined("4000000000000127", "incorrect_cvc"),
    _declined("4000000000000119", "processing_error"),
    Card(number="4000000000000341", charge_decline="generic_decline"),
    Card(number="4000002500003155", authentication="unless_set_up"),
    Card(number="4000002760003184", authentication="always"),
    Card(number="4000003800000446", authentication="unless_set_up"),
    Card(number="4000008260003178", authentication="always", charge_decline="insufficient_funds"),
    Card(number="4000000000000259", dispute="fraudulent"),
    Card(number="4000000000002685", dispute="product_not_received"),
    Card(number="4000000000001976", dispute="inquiry"),
    Card(number="4000000000005126", refund="fails"),
    Card(number="4000000000007726", refund="pending"),
)
BY_NUMBER = {card.number: card for card in _CARDS}
BANK_SUCCEEDS = Card(number="000123456789", brand="bank", delayed="succeeds")
BANK_FAILS = Card(number="000111111116", brand="bank", delayed="fails")
BY_TOKEN = {
    "pm_card_visa": BY_NUMBER["4242424242424242"],
    "pm_card_visa_debit": BY_NUMBER["4000056655665556"],
    "pm_card_mastercard": BY_NUMBER["5555555555554444"],
    "pm_card_amex": BY_NUMBER["378282246310005"],
    "pm_card_discover": BY_NUMBER["6011111111111117"],
    "pm_card_chargeDeclined": BY_NUMBER["4000000000000002"],
    "pm_card_visa_chargeDeclined": BY_NUMBER["4000000000000002"],
    "pm_card_chargeDeclinedInsufficientFunds": BY_NUMBER["4000000000009995"],
    "pm_card_visa_chargeDeclinedInsufficientFunds": BY_NUMBER["4000000000009995"],
    "pm_card_visa_chargeDeclinedLostCard": BY_NUMBER["4000000000009987"],
    "pm_card_visa_chargeDeclinedStolenCard": BY_NUMBER["4000000000009979"],
    "pm_card_chargeDeclinedExpiredCard": BY_NUMBER["4000000000000069"],
    "pm_card_chargeDeclinedIncorrectCvc": BY_NUMBER["4000000000000127"],
    "pm_card_chargeDeclinedProcessingError": BY_NUMBER["4000000000000119"],
    "pm_card_chargeCustomerFail": BY_NUMBER["4000000000000341"],
    "pm_card_authenticationRequired": BY_NUMBER["4000002760003184"],
    "pm_card_authenticationRequiredOnSetup": BY_NUMBER["4000002500003155"],
    "pm_card_createDispute": BY_NUMBER["4000000000000259"],
    "pm_card_createDisputeProductNotReceived": BY_NUMBER["4000000000002685"],
    "pm_card_createDisputeInquiry": BY_NUMBER["4000000000001976"],
    "pm_card_refundFail": BY_NUMBER["4000000000005126"],
    "pm_card_pendingRefund": BY_NUMBER["4000000000007726"],
    "pm_usBankAccount_success": BANK_SUCCEEDS,
    "pm_usBankAccount": BANK_SUCCEEDS,
    "pm_usBankAccount_accountClosed": BANK_FAILS,
}
HARD_DECLINES = frozenset({"lost_card", "stolen_card", "pickup_card", "expired_card"})
"""Declines that no later try can mend: retries wait for a new method."""

_OWN_CODES = {
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}


def is_valid_number(number: str) -> bool:
    """Whether the digits pass the Luhn check."""
    digits = [int(d) for d in reversed(number)]
    doubled = (sum(divmod(2 * d, 10)) for d in digits[1::2])
    return len(digits) > 11 and (sum(digits[::2]) + sum(doubled)) % 10 == 0  # noqa: PLR2004 - shortest card number: 12


def decline(code: str) -> Obj:
    """The error hash of a refused card: Stripe's code, decline code, advice and message."""
    if code in _OWN_CODES:
        decline_code = code
        return {"code": code, "decline_code": decline_code, "advice_code": _advice(code), "message": _OWN_CODES[code]}
    if code == "account_closed":
        message = "The customer's bank account could not be debited: it has been closed."
        return {"code": code, "decline_code": None, "advice_code": "do_not_try_again", "message": message}
    message = "Your card has insufficient funds." if code == "insufficient_funds" else "Your card was declined."
    return {"code": "card_declined", "decline_code": code, "advice_code": _advice(code), "message": message}


def _advice(code: str) -> str:
    if code in HARD_DECLINES:
        return "do_not_try_again"
    return "confirm_card_data" if code in {"incorrect_cvc", "incorrect_number"} else "try_again_later"
