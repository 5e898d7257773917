"""What each field means, for the OpenAPI document: a sentence each, since a client's developer reads nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["AREAS", "EVERYWHERE", "FIELDS"]

#: What each area of the API is for.
AREAS: Final[Mapping[str, str]] = {
    "Access": "May a user open this, and why? Grants by hand.",
    "Events": "What was told to other services, for those who missed some of it.",
    "Health": "For load balancers and whoever watches.",
    "Invoices": "What was billed, with links to Stripe's pages and PDFs.",
    "Payments": "Payment methods, what was paid and for what, and Stripe's customer portal.",
    "Purchases": "What is bought singly, and its refunds.",
    "Subscriptions": "Plans, checkout, status, and changes of a subscription.",
    "Webhooks": "For Stripe alone.",
}
#: Fields that mean the same wherever they are.
EVERYWHERE: Final[Mapping[str, str]] = {
    "user_id": "Whose it is: the `sub` of their token.",
    "plan_id": "The plan's `id`, a slug such as `pro-monthly`.",
    "subscription_id": "The subscription's `id`; null where there is none.",
    "purchase_id": "The purchase's `id`; null where there is none.",
    "invoice_id": "The invoice's `id`; null until it is known.",
    "resource_type": "Of what type it is.",
    "resource_id": "Which one of its type; `*` means every one.",
    "created_at": "When it was made at Stripe.",
    "next_cursor": "Give it back as `cursor` for the next page; null on the last one.",
    "limit": "How many at most; 20 unless given.",
    "cursor": "The `next_cursor` of the page before; left out, the list begins.",
    "stripe_payment_intent_id": "The payment at Stripe, `pi_…`.",
    "stripe_invoice_id": "The invoice at Stripe, `in_…`.",
    "session_id": "The checkout session at Stripe, `cs_…`.",
    "url": "Lead the browser there.",
    "success_url": "Where Stripe leads the browser once it is paid; only origins that this service knows are taken.",
    "cancel_url": "Where Stripe leads a browser that turns back; only origins that this service knows are taken.",
    "hosted_invoice_url": "Stripe's page of the invoice, where it can be paid; null until it is finalized.",
    "amount_refunded": "How much of it was given back, or is on its way.",
    "promotion_code": "A promotion code, as the customer types it in.",
    "quantity": "How many seats; 1 unless given.",
    "reason": "Why: kept for support staff.",
}

#: By schema: what its own fields mean.
FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "MoneyShape": {
        "amount": "Whole minor units as Stripe counts them: 1999 is 19.99 in usd, 1999 in jpy. Below 0: a credit.",
        "currency": "The ISO 4217 code in lower case.",
    },
    "MoneyGiven": {
        "amount": "Whole minor units as Stripe counts them: 1999 is 19.99 in usd, 1999 in jpy.",
        "currency": "The ISO 4217 code in lower case.",
    },
    "PlanShape": {
        "id": "A slug such as `pro-monthly`, never reused.",
        "name": "What it is called.",
        "description": "A sentence for customers; may be empty.",
        "price": "What one seat costs for one interval.",
        "interval": "What is paid for, with `interval_count`.",
        "interval_count": "How many intervals are paid at a time: 3 with `month` is quarterly.",
        "trial_days": "Days of trial for a person who never had one; 0 for none.",
        "features": "What to show in a list of its merits.",
        "grants": "What it opens.",
    },
    "PlansShape": {"plans": "Those on sale, the lowest rank first."},
    "PendingChangeShape": {
        "plan_id": "The plan to come.",
        "quantity": "How many seats there will be.",
        "effective_at": "From when on; null while it waits for its payment.",
    },
    "PauseShape": {
        "starts_at": "From when on nothing is charged, and nothing is open.",
        "resumes_at": "When it is taken up by itself; null where somebody has to resume it.",
    },
    "DiscountShape": {
        "stripe_coupon_id": "The coupon at Stripe.",
        "starts_at": "Since when.",
        "ends_at": "Until when it lessens invoices; null where no time ends it.",
    },
    "SubscriptionShape": {
        "discounts": "The coupons that lessen its next invoice.",
        "id": "An id of ours.",
        "quantity": "How many seats.",
        "status": "Where it is in its life.",
        "current_period_start": "Since when the present period runs; null before the first.",
        "current_period_end": "Until when it runs, and when it renews unless it is ending; null before the first.",
        "trial_end": "When the trial ends or ended; null where there was none.",
        "cancel_at_period_end": "Whether it ends with the present period.",
        "canceled_at": "When the cancellation was asked for, as Stripe tells; null where it was not.",
        "ended_at": "When it ended; null while it goes on.",
        "pending_change": "A change of plan that is to come; null for none.",
        "pause": "A pause that is to come or in force; null for none.",
        "grace_until": "Until when an unpaid renewal leaves everything open; null where nothing is unpaid.",
        "stripe_subscription_id": "The subscription at Stripe, `sub_…`.",
        "updated_at": "When it last changed.",
    },
    "DunningShape": {
        "amount_due": "What is owed.",
        "first_failed_at": "When the payment first failed.",
        "attempts": "How often it was tried.",
        "next_retry_at": "When it is tried again by itself; null for not any more.",
        "decline_code": "Why the bank refused, in Stripe's words; null where it did not say.",
        "needs_new_payment_method": "Whether trying the same one again is in vain: ask for another.",
        "ends_at": "When the last step is taken unless it is paid, such as ending the subscription; null for never.",
    },
    "StatusShape": {
        "has_access": "Whether a subscription of theirs opens something now.",
        "subscription": "The one that counts now, else the last; null for who never had any.",
        "dunning": "What to tell them about an unpaid renewal; null where nothing is unpaid.",
    },
    "CheckoutSessionShape": {
        "expires_at": "Until when it can be paid there; null where Stripe does not say.",
        "trial_days": "Days of trial that the page offers; 0 also for a person who had theirs.",
    },
    "PreviewLineShape": {
        "description": "What it is for, in Stripe's words.",
        "amount": "What it costs; a credit is less than 0.",
        "proration": "Whether it is a part of a period.",
        "period_start": "From when on it is for.",
        "period_end": "Until when it is for.",
    },
    "PreviewShape": {
        "amount_due": "What would be charged at once.",
        "credit": "What unused time is worth in it, above 0: its lines are below.",
        "lines": "What is due at once is made of these, before tax and the customer's own credit; where nothing"
        " is due at once, what the next invoice is made of.",
        "effective_at": "From when on the change would hold.",
        "next_invoice_at": "When the next invoice comes; null for none.",
        "proration_date": "Give it back with `expected_amount_due` to be charged exactly this.",
    },
    "CardShape": {
        "brand": "Such as `visa`; null where Stripe does not say.",
        "last4": "The last four digits; null where Stripe does not say.",
        "exp_month": "The month in which it expires, 1 to 12; null where Stripe does not say.",
        "exp_year": "The year in which it expires, in four digits; null where Stripe does not say.",
    },
    "PaymentMethodShape": {
        "id": "Stripe's id, `pm_…`.",
        "type": "Stripe's word for it, such as `card`.",
        "card": "What may be shown of the card; null for another type.",
        "is_default": "Whether renewals are charged to it.",
    },
    "PaymentMethodsShape": {"payment_methods": "Those that are attached, the oldest first."},
    "SetupShape": {
        "setup_intent_id": "The setup intent at Stripe, `seti_…`.",
        "client_secret": "For Stripe.js in this user's browser alone: keep it nowhere.",
        "publishable_key": "The key for Stripe.js; null where none is configured.",
    },
    "PaymentContextShape": {
        "kind": "What the payment was for.",
        "subscription_id": "For a subscription: which.",
        "plan_id": "For a subscription: its plan at that time.",
        "purchase_id": "For a purchase: which.",
        "resource_type": "For a purchase: the type of what was bought.",
        "resource_id": "For a purchase: what was bought.",
    },
    "PaymentShape": {
        "id": "An id of ours.",
        "amount": "What was or would have been paid.",
        "status": "What became of it.",
        "description": "What it says on the receipt; null for nothing.",
        "context": "What it was for; null until that is known.",
        "failure_code": "Why it failed, in Stripe's words; null where it did not.",
        "failure_message": "The same as a sentence that may be shown; null where it did not.",
    },
    "PaymentsShape": {"payments": "A page of them, newest first."},
    "PurchaseShape": {
        "id": "An id of ours.",
        "price": "What it cost when it was bought.",
        "status": "What became of it.",
        "purchased_at": "When it was paid; null until then.",
        "refunded_at": "When money of it was last given back, a part or all; null where none was.",
        "stripe_payment_intent_id": "The payment at Stripe, `pi_…`; null until there is one.",
        "created_at": "When it was begun.",
    },
    "PurchasesShape": {"purchases": "A page of them, newest first."},
    "PurchaseCheckoutShape": {
        "expires_at": "Until when it can be paid there; null where Stripe does not say.",
        "price": "What it costs: the service says, never the client.",
        "purchase_id": "The purchase's `id`: ask for its status once the browser has come back.",
    },
    "SourceShape": {"kind": "What it comes from.", "id": "The id of that subscription, purchase or grant."},
    "DecisionShape": {
        "allowed": "Whether they may open it.",
        "reason": "Why, or why not.",
        "source": "What opens it longest, or what ended last; null where nothing ever opened it.",
        "expires_at": "Until when unless it is renewed, the days of grace after a period included; null for no end.",
    },
    "DecisionsShape": {"decisions": "In the order in which they were asked for."},
    "GrantShape": {
        "source": "What it comes from.",
        "granted_at": "Since when.",
        "expires_at": "Until when unless it is renewed, the days of grace after a period included; null for no end.",
    },
    "GrantsShape": {
        "version": "Counts up by one with each change of what this user may open or has.",
        "grants": "Those in force now.",
    },
    "RefundableShape": {
        "eligible": "Whether the user may ask for a refund now.",
        "reason": "Why not, by the code that asking would get; null where they may.",
        "refundable": "How much is left.",
        "until": "Until when they may, this moment excluded; null for never.",
    },
    "PurchaseStatusShape": {
        "purchase": "The purchase.",
        "access": "Whether its user may open what was bought.",
        "refund": "Whether it may be refunded.",
    },
    "RefundShape": {
        "refund_id": "An id of ours.",
        "amount": "How much is given back.",
        "status": "What became of it.",
    },
    "InvoiceShape": {
        "id": "An id of ours.",
        "number": "As it stands on the invoice; null for a draft.",
        "status": "What became of it.",
        "amount_due": "What was to be paid.",
        "amount_paid": "What was paid.",
        "period_start": "From when on its lines are for; null for none.",
        "period_end": "Until when its lines are for; null for none.",
        "invoice_pdf_url": "The invoice as a PDF; null until it is finalized.",
    },
    "InvoicesShape": {"invoices": "A page of them, newest first."},
    "ReceivedShape": {
        "received": "It is stored for good.",
        "duplicate": "It was stored before, and nothing is done twice.",
    },
    "EventShape": {
        "id": "An id of ours, the same however often it is told.",
        "type": "What happened.",
        "occurred_at": "When, by the fact that decided it.",
        "version": "Counts up by one per user: a gap says that something was missed.",
        "data": "The ids and figures that matter; money in minor units.",
    },
    "EventsShape": {"events": "A page of them, oldest first."},
    "CheckShape": {
        "status": "How this part is.",
        "latency_ms": "How many milliseconds it took to answer; null where it did not.",
    },
    "ChecksShape": {"database": "PostgreSQL.", "cache": "Redis.", "worker": "Whether events are published in time."},
    "HealthShape": {
        "status": "How the whole is: no better than the database, at most degraded by the others.",
        "version": "Of the service.",
        "checks": "How each part is.",
    },
    "LiveShape": {"status": "Whether it does."},
    "ProblemShape": {
        "type": "A name of the kind of problem, one for each `code`.",
        "title": "The kind of problem in a few words, always the same.",
        "status": "The HTTP status.",
        "detail": "What happened this time and what to do, for a person.",
        "instance": "The path that was asked for.",
        "code": "The kind of problem: what programs go by.",
        "errors": "Which fields do not fit, and why; only with `validation_failed`.",
        "provider_code": "What Stripe calls it; only with `provider_error`.",
        "decline_code": "Why a card was refused, in Stripe's words; only where one was.",
    },
    "WrongField": {
        "field": "Which one, such as `resources[0].resource_id`; empty for the whole request.",
        "message": "What is wrong with it.",
    },
    "CheckoutRequest": {"plan_id": "What to subscribe to."},
    "CancelRequest": {
        "at_period_end": "Unless it is false, everything stays open until the period ends; false ends it now."
    },
    "PauseRequest": {"resumes_at": "When it is taken up by itself; left out, somebody has to resume it."},
    "ChangeRequest": {
        "plan_id": "The plan to change to; the present one to change the quantity alone.",
        "quantity": "How many seats; as many as now unless given.",
        "effective": "Unless given, an upgrade holds at once and a downgrade from the end of the period.",
        "proration": "How the rest of the period is charged; unless given, an upgrade is invoiced at once.",
        "proration_date": "That of a preview: charge as of then.",
        "expected_amount_due": "That of a preview: charge exactly this, or answer `preview_outdated`.",
    },
    "PaymentMethodRequest": {
        "payment_method_id": "Stripe's id, `pm_…`, from Stripe.js or a setup intent.",
        "set_default": "Whether renewals are charged to it; true where nothing else is the default, unless given.",
    },
    "PortalRequest": {"return_url": "Where the portal leads back to; only origins that this service knows are taken."},
    "RefundRequest": {
        "amount": "For support staff: how much; all that is left unless given.",
        "override_window": "For support staff: also after the window; needs a reason, and is written down.",
    },
    "CheckRequest": {"resources": "What to decide on, up to 500."},
    "GrantRequest": {
        "reason": "Why: written down with who granted it.",
        "expires_at": "Until when; for ever unless given.",
    },
    "EventsQuery": {
        "user_id": "Only what is about this user; everybody unless given.",
        "after_version": "Only what comes after this version of the user's.",
    },
    "AccessQuery": {
        "at": "What was true then; now unless given.",
        "known_at": "By what was known then; by all that is known now unless given.",
    },
}
