"""The permissions that a restricted key (``rk_…``) needs, in the words of Stripe's Dashboard."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Permission"]


class Permission(StrEnum):
    """One permission. The value is where to find it: Developers, API keys, the key, then this line."""

    ACCOUNTS_READ = "Accounts: read"
    CHARGES_READ = "Charges and Refunds: read"
    CHARGES_WRITE = "Charges and Refunds: write"
    COUPONS_READ = "Coupons: read"
    CUSTOMERS_READ = "Customers: read"
    CUSTOMERS_WRITE = "Customers: write"
    DISPUTES_READ = "Disputes: read"
    EVENTS_READ = "Events: read"
    INVOICES_READ = "Invoices: read"
    INVOICES_WRITE = "Invoices: write"
    PAYMENTS_READ = "PaymentIntents: read"
    PAYMENT_METHODS_READ = "PaymentMethods: read"
    PAYMENT_METHODS_WRITE = "PaymentMethods: write"
    PORTAL_WRITE = "Customer portal: write"
    PRICES_READ = "Prices: read"
    PRICES_WRITE = "Prices: write"
    PRODUCTS_READ = "Products: read"
    PRODUCTS_WRITE = "Products: write"
    PROMOTION_CODES_READ = "Promotion codes: read"
    SESSIONS_READ = "Checkout Sessions: read"
    SESSIONS_WRITE = "Checkout Sessions: write"
    SETUPS_READ = "SetupIntents: read"
    SETUPS_WRITE = "SetupIntents: write"
    SUBSCRIPTIONS_READ = "Subscriptions: read"
    SUBSCRIPTIONS_WRITE = "Subscriptions: write"
    TEST_CLOCKS_READ = "Test clocks: read"
    WEBHOOKS_WRITE = "Webhook Endpoints: write"
