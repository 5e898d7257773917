"""The step in which the customer's bank asks whether it is really them (3-D Secure)."""

from aiohttp import web

from billing_sandbox.engine.checkout import due_now
from billing_sandbox.engine.objects import Obj
from billing_sandbox.pages.checkout_view import Form
from billing_sandbox.pages.html import amount, page, text

_CARRIED = ("email", "name", "method", "card_number", "card_expiry", "card_cvc", "account")


def bank_step(session: Obj, form: Form) -> web.Response:
    """Ask, carrying along what was filled in."""
    due = due_now(session)
    asked = f"a payment of <b>{amount(due, session['currency'])}</b>" if due else "that your card is saved"
    carried = "".join(
        f'<input type="hidden" name="{name}" value="{text(form.get(name))}">'
        for name in _CARRIED
        if name in form.values
    )
    last4 = text(form.get("card_number").strip()[-4:])
    body = (
        '<div class="notice"><b>Sandbox.</b> A test of 3-D Secure: no bank is asked.</div>'
        '<main class="bank"><h1>Your bank asks for confirmation</h1>'
        f"<p>Please confirm {asked} with your card ending in {last4}.</p>"
        f'<form method="post" action="/c/pay/{text(session["id"])}" class="actions">{carried}'
        '<button class="pay" name="bank" value="complete">Complete authentication</button>'
        '<button class="plain" name="bank" value="fail">Fail authentication</button></form></main>'
    )
    return page("Confirm payment", body)
