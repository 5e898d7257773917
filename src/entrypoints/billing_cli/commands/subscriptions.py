"""`billing subscriptions`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from cyclopts import App, Parameter

from billing_bootstrap import presenting
from billing_bootstrap.shapes import SubscriptionShape
from billing_cli.asking import ask_first
from billing_cli.desk import opened
from billing_cli.options import CHANGING, LOOKING, Changing, Looking, UserId, Whole
from billing_cli.printing import show_fields, show_json, show_rows
from billing_cli.reading import moment_of, money_of
from billing_core.domain.change_rules import Effective
from billing_core.domain.proration import PlanChange, Proration

__all__ = ["app"]

app = App(name="subscriptions", help="Show, change, pause, cancel and resume subscriptions.")

_FIELDS = (
    "id",
    "user_id",
    "plan_id",
    "status",
    "quantity",
    "current_period_start",
    "current_period_end",
    "trial_end",
    "cancel_at_period_end",
    "canceled_at",
    "ended_at",
    "pending_change",
    "pause",
    "discounts",
    "grace_until",
    "stripe_subscription_id",
    "created_at",
    "updated_at",
)


@app.command
async def show(user_id: UserId, /, *, options: Looking = LOOKING) -> None:
    """The subscription of a user that counts now, else the last one.

    For example:

        billing subscriptions show learner-1
        billing subscriptions show learner-1 --json
    """
    async with opened() as application:
        found = presenting.status(await application.look_up.status(options.caller, user_id))
    if options.json:
        show_json(found)
    elif found.subscription is None:
        show_fields({"user_id": user_id, "has_access": found.has_access, "subscription": None})
    else:
        show_fields(found.subscription, _FIELDS)


@app.command
async def cancel(
    subscription_id: str,
    /,
    *,
    now: Annotated[bool, Parameter(negative=())] = False,
    reason: str | None = None,
    options: Changing = CHANGING,
) -> None:
    """End a subscription at the end of its period, or now.

    For example:

        billing subscriptions cancel 0192b3c4-… --reason "asked by e-mail"
        billing subscriptions cancel 0192b3c4-… --now --yes

    Args:
        subscription_id: The id of the subscription, as `billing subscriptions show` gives it.
        now: At once, and access with it; else access stays until the period's end.
        reason: Why, for the audit log.
        options: How it is asked and shown.
    """
    when = "now, and access with it" if now else "at the end of its period"
    ask_first(f"End the subscription {subscription_id} {when}?", yes=options.yes)
    async with opened() as application:
        changed = await application.cancel_subscription(
            options.caller, subscription_id, at_period_end=not now, reason=reason
        )
    _tell(presenting.subscription(changed), options)


@app.command
async def pause(subscription_id: str, /, *, resumes_at: str | None = None, options: Changing = CHANGING) -> None:
    """Let a subscription rest from the end of its period on; nothing is charged any more.

    For example:

        billing subscriptions pause 0192b3c4-…
        billing subscriptions pause 0192b3c4-… --resumes-at 2027-03-01

    Args:
        subscription_id: The id of the subscription, as `billing subscriptions show` gives it.
        resumes_at: When it is taken up again by itself; when somebody resumes it unless given.
        options: How it is asked and shown.
    """
    until = moment_of(resumes_at)
    ask_first(f"Pause the subscription {subscription_id} from the end of its period on?", yes=options.yes)
    async with opened() as application:
        changed = await application.pause_subscription(options.caller, subscription_id, resumes_at=until)
    _tell(presenting.subscription(changed), options)


@app.command
async def resume(subscription_id: str, /, *, options: Changing = CHANGING) -> None:
    """Take a cancellation or a pause back; one that rests begins a new period, charged at once.

    For example:

        billing subscriptions resume 0192b3c4-…
    """
    ask_first(f"Let the subscription {subscription_id} go on, charged at once if it rests?", yes=options.yes)
    async with opened() as application:
        changed = await application.resume_subscription(options.caller, subscription_id)
    _tell(presenting.subscription(changed), options)


@app.command(name="extend-trial")
async def extend_trial(
    subscription_id: str, /, *, days: Whole, reason: str | None = None, options: Changing = CHANGING
) -> None:
    """Let a trial go on for so many days longer. It stays the one trial.

    For example:

        billing subscriptions extend-trial 0192b3c4-… --days 7 --reason "was ill"

    Args:
        subscription_id: The id of the subscription, as `billing subscriptions show` gives it.
        days: How many days longer than now.
        reason: Why, for the audit log.
        options: How it is asked and shown.
    """
    ask_first(f"Let the trial of {subscription_id} go on for {days} days longer?", yes=options.yes)
    async with opened() as application:
        found = await application.look_up.subscription(options.caller, subscription_id)
        until = (found.trial_end or application.clock.now()) + timedelta(days=days)
        changed = await application.extend_trial(options.caller, subscription_id, until, reason=reason)
    _tell(presenting.subscription(changed), options)


@app.command(name="end-trial")
async def end_trial(subscription_id: str, /, *, options: Changing = CHANGING) -> None:
    """End a trial now: the first period begins and is invoiced.

    For example:

        billing subscriptions end-trial 0192b3c4-…
    """
    ask_first(f"End the trial of {subscription_id} now, and invoice its first period?", yes=options.yes)
    async with opened() as application:
        changed = await application.end_trial(options.caller, subscription_id)
    _tell(presenting.subscription(changed), options)


@app.command(name="apply-code")
async def apply_code(subscription_id: str, code: str, /, *, options: Changing = CHANGING) -> None:
    """Redeem a promotion code on a subscription: its discount counts from the next invoice on.

    For example:

        billing subscriptions apply-code 0192b3c4-… SPRING

    Args:
        subscription_id: The id of the subscription, as `billing subscriptions show` gives it.
        code: The code, as customers type it in. It replaces a discount that runs.
        options: How it is asked and shown.
    """
    ask_first(f"Redeem {code} on {subscription_id}?", yes=options.yes)
    async with opened() as application:
        changed = await application.apply_promotion_code(options.caller, subscription_id, code)
    _tell(presenting.subscription(changed), options)


@app.command(name="end-discount")
async def end_discount(subscription_id: str, /, *, options: Changing = CHANGING) -> None:
    """Take the discount off a subscription: its next invoice costs the full price.

    For example:

        billing subscriptions end-discount 0192b3c4-…
    """
    ask_first(f"Charge the full price for {subscription_id} from the next invoice on?", yes=options.yes)
    async with opened() as application:
        changed = await application.end_discount(options.caller, subscription_id)
    _tell(presenting.subscription(changed), options)


@app.command
async def change(
    subscription_id: str,
    plan_id: str,
    /,
    *,
    quantity: Whole | None = None,
    effective: Effective | None = None,
    proration: Proration | None = None,
    proration_date: str | None = None,
    expected_amount_due: Whole | None = None,
    options: Changing = CHANGING,
) -> None:
    """Give a subscription another plan: an upgrade now, a downgrade at the period's end, unless told otherwise.

    For example:

        billing subscriptions preview 0192b3c4-… pro-monthly
        billing subscriptions change 0192b3c4-… pro-monthly

    Args:
        subscription_id: The id of the subscription, as `billing subscriptions show` gives it.
        plan_id: The plan, as `billing catalog show` lists it.
        quantity: How many; as many as now unless given.
        effective: When it takes effect; by the plan-change policy unless given.
        proration: How the difference is charged; by the policy unless given.
        proration_date: From a preview: the second from which on it was prorated.
        expected_amount_due: From a preview, in minor units: charge exactly that, or change nothing.
        options: How it is asked and shown.
    """
    async with opened() as application:
        subscription = await application.look_up.subscription(options.caller, subscription_id)
        currency = (await application.catalogs.current()).plan(plan_id).price.currency
        wanted = PlanChange(
            plan_id=plan_id,
            quantity=quantity,
            effective=effective,
            proration=proration,
            proration_date=moment_of(proration_date),
            expected_amount_due=money_of(expected_amount_due, currency),
        )
        ask_first(f"Change {subscription.user_id} from {subscription.plan_id} to {plan_id}?", yes=options.yes)
        changed = await application.change_plan(options.caller, subscription_id, wanted)
    _tell(presenting.subscription(changed), options)


@app.command
async def preview(
    subscription_id: str,
    plan_id: str,
    /,
    *,
    quantity: Whole | None = None,
    effective: Effective | None = None,
    proration: Proration | None = None,
    options: Looking = LOOKING,
) -> None:
    """What a change of plan would charge, to the cent. Changes nothing.

    For example:

        billing subscriptions preview 0192b3c4-… pro-monthly
        billing subscriptions preview 0192b3c4-… pro-monthly --quantity 3

    Args:
        subscription_id: The id of the subscription, as `billing subscriptions show` gives it.
        plan_id: The plan, as `billing catalog show` lists it.
        quantity: How many; as many as now unless given.
        effective: When it would take effect; by the plan-change policy unless given.
        proration: How the difference would be charged; by the policy unless given.
        options: How it is asked and shown.
    """
    wanted = PlanChange(plan_id=plan_id, quantity=quantity, effective=effective, proration=proration)
    async with opened() as application:
        found = presenting.preview(await application.preview_change(options.caller, subscription_id, wanted))
    if options.json:
        show_json(found)
        return
    show_rows(found.lines, ("description", "amount", "period_start", "period_end"), none="Nothing is charged.")
    show_fields(found, ("amount_due", "credit", "effective_at", "next_invoice_at", "proration_date"))


def _tell(subscription: SubscriptionShape, options: Looking) -> None:
    if options.json:
        show_json(subscription)
    else:
        show_fields(subscription, _FIELDS)
