"""How the checkout page looks."""

from typing import Self

from aiohttp import web
from attrs import evolve, field, frozen

from billing_sandbox.engine.checkout import due_now, lines_of, trial_end
from billing_sandbox.engine.checkout_completion import method_needed
from billing_sandbox.engine.errors import Fault
from billing_sandbox.engine.objects import DAY, Obj
from billing_sandbox.engine.world import World
from billing_sandbox.pages.html import amount, day, page, text

_NOTICE = (
    '<div class="notice"><b>Sandbox.</b> No money moves here. '
    "Never enter a real card: only test cards are accepted.</div>"
)
_FIELD_OF = {"number": "card_number", "card": "card_number"}
_CODES = {"incorrect_cvc": "card_cvc", "expired_card": "card_expiry"}
_HINTS = (
    ("4242 4242 4242 4242", "succeeds"),
    ("4000 0000 0000 0002", "is declined"),
    ("4000 0000 0000 9995", "has insufficient funds"),
    ("4000 0027 6000 3184", "needs authentication, always"),
    ("4000 0025 0000 3155", "needs authentication once"),
    ("4000 0000 0000 0341", "is saved, later charges fail"),
)


@frozen
class Form:
    """What was filled in so far, and what is wrong with it."""

    values: dict[str, str] = field(factory=dict)
    message: str | None = None
    wrong: str | None = None

    def get(self, name: str) -> str:
        """The value of a field, empty where it was left out."""
        return self.values.get(name, "")

    def failed(self, fault: Fault) -> Self:
        """The form with the reason why it was refused."""
        param = str(fault.error.get("param", ""))
        wrong = _CODES.get(str(fault.error.get("code", ""))) or _FIELD_OF.get(param, param or "card_number")
        return evolve(self, message=str(fault.error["message"]), wrong=wrong)


def checkout_view(world: World, session: Obj, form: Form, *, status: int = 200) -> web.Response:
    """The whole page."""
    bought = _merchant(session) + _summary(world, session) + _code(session, form)
    side = f'<section class="side"><div>{bought}</div></section>'
    main = f'<section class="main"><div>{_form(world, session, form)}{_hints()}</div></section>'
    body = f'{_NOTICE}<main class="checkout">{side}{main}</main>'
    return page("Checkout (sandbox)", body, status=status)


def closed_view(session: Obj | None) -> web.Response:
    """What there is to see where nothing can be paid (any more)."""
    if session is None:
        said, status = "There is no such checkout session.", 404
    elif session["status"] == "complete":
        said, status = "This checkout has been completed. Thank you.", 200
    else:
        said, status = "This checkout session has expired. Please go back and begin again.", 410
    body = (
        f'{_NOTICE}<main class="bank"><h1>{"All done" if status == 200 else "Nothing to pay"}</h1><p>{said}</p></main>'  # noqa: PLR2004 - HTTP
    )
    return page("Checkout (sandbox)", body, status=status)


def _merchant(session: Obj) -> str:
    back = ""
    if session["cancel_url"]:
        back = f'<a href="{text(session["cancel_url"])}" title="Back" aria-label="Cancel and go back">←</a>'
    return f'<div class="merchant">{back}<span class="logo">S</span><span>Sandbox store</span></div>'


def _summary(world: World, session: Obj) -> str:
    if session["mode"] == "setup":
        return '<p class="what">Save a payment method</p><p class="terms">Nothing is charged today.</p>'
    currency, due = session["currency"], due_now(session)
    lines = lines_of(world, session["id"])
    recurring = [line for line in lines if line["price"]["type"] == "recurring"]
    trial = trial_end(world, session)
    head = (
        "Subscribe to " + recurring[0]["description"]
        if recurring
        else ", ".join(line["description"] for line in lines[:2])
    )
    every = f"<small>{_every(recurring[0])}</small>" if recurring and not trial else ""
    shown = f'<p class="what">{text(head)}</p><div class="total">{amount(due, currency)}{every}</div>'
    if trial and recurring and not due:
        days = round((trial - world.now) / DAY)
        shown = (
            f'<p class="what">{text("Try " + recurring[0]["description"])}</p><div class="total">{days} days free</div>'
        )
    if trial and recurring:
        later = sum(line["amount_total"] for line in recurring)
        shown += f'<p class="terms">Free until {day(trial)}, then {amount(later, currency)} {_every(recurring[0])}.</p>'
    elif recurring:
        shown += '<p class="terms">Renews automatically until you cancel.</p>'
    rows = "".join(_row(line, currency) for line in lines)
    subtotal = amount(sum(line["amount_subtotal"] for line in lines), currency)
    sums = f'<div><span>Subtotal</span><span class="num">{subtotal}</span></div>'
    off = sum(line["amount_discount"] for line in lines)
    if off:
        sums += f'<div class="off"><span>Discount</span><span class="num">{amount(-off, currency)}</span></div>'
    if trial:
        free = sum(line["amount_total"] for line in lines) - due
        sums += f'<div class="off"><span>Free trial</span><span class="num">{amount(-free, currency)}</span></div>'
    sums += f'<div class="due"><span>Total due today</span><span class="num">{amount(due, currency)}</span></div>'
    return f'{shown}<ul class="lines">{rows}</ul><div class="sums">{sums}</div>'


def _row(line: Obj, currency: str) -> str:
    each = amount(line["price"]["unit_amount"] or 0, currency)
    notes = []
    if line["quantity"] != 1:
        notes.append(f"Qty {line['quantity']}, {each} each")
    if line["price"]["recurring"]:
        notes.append(f"Billed {_every(line)}")
    small = f"<small>{text(', '.join(notes))}</small>" if notes else ""
    total = amount(line["amount_subtotal"], currency)
    return f'<li><span><b>{text(line["description"])}</b>{small}</span><span class="num">{total}</span></li>'


def _every(line: Obj) -> str:
    recurring = line["price"]["recurring"]
    count, interval = recurring["interval_count"], recurring["interval"]
    return f"per {interval}" if count == 1 else f"every {count} {interval}s"


def _code(session: Obj, form: Form) -> str:
    if not session["allow_promotion_codes"]:
        return ""
    invalid = ' aria-invalid="true"' if form.wrong == "promotion_code" else ""
    problem = f'<p class="error" role="alert">{text(form.message)}</p>' if invalid else ""
    return (
        f'<form class="code" method="post"><input type="text" name="promotion_code" placeholder="Add promotion code" '
        f'aria-label="Promotion code" value="{text(form.get("promotion_code"))}"{invalid}>'
        f'<button class="plain" name="action" value="apply">Apply</button></form>{problem}'
    )


def _form(world: World, session: Obj, form: Form) -> str:
    problem = ""
    if form.message and form.wrong != "promotion_code":
        problem = f'<p class="error" role="alert">{text(form.message)}</p>'
    needed = method_needed(session)
    method = _methods(session, form) if needed else ""
    heading = {"setup": "Save your payment details", "subscription": "Start your subscription"}.get(
        session["mode"], "Pay"
    )
    return (
        f"<h1>{heading}</h1>{problem}"
        f'<form method="post" action="/c/pay/{text(session["id"])}">{_email(world, session, form)}{method}'
        f'<button class="pay" name="action" value="pay">{_button(world, session)}</button>'
        f'<p class="fine">{_fine_print(session)}</p></form>'
    )


def _email(world: World, session: Obj, form: Form) -> str:
    customer = world.store.find("customer", session["customer"] or "")
    known = session["customer_email"] or (customer or {}).get("email")
    value, locked = (known, " readonly") if known else (form.get("email"), "")
    return (
        '<div class="row"><label for="email">Email</label>'
        f'<input id="email" type="email" name="email" required autocomplete="email" placeholder="you@example.com" '
        f'value="{text(value)}"{locked}{_invalid(form, "email")}></div>'
    )


def _methods(session: Obj, form: Form) -> str:
    bank = form.get("method") == "bank"
    card_checked, bank_checked = ("", " checked") if bank else (" checked", "")
    card = (
        f'<div class="method"><label><input type="radio" name="method" value="card"{card_checked}> Card'
        '<span class="brands"><i>VISA</i><i>MC</i><i>AMEX</i></span></label><div>'
        '<div class="row"><label for="card_number">Card information</label><div class="card">'
        '<input id="card_number" class="number" type="text" name="card_number" inputmode="numeric" '
        'autocomplete="cc-number" placeholder="1234 1234 1234 1234" '
        f'value="{text(form.get("card_number"))}"{_invalid(form, "card_number")}>'
        '<input class="exp" type="text" name="card_expiry" inputmode="numeric" autocomplete="cc-exp" '
        'placeholder="MM / YY" aria-label="Expiration" '
        f'value="{text(form.get("card_expiry"))}"{_invalid(form, "card_expiry")}>'
        f'<input class="cvc" type="text" name="card_cvc" inputmode="numeric" autocomplete="cc-csc" placeholder="CVC" '
        f'aria-label="CVC" value="{text(form.get("card_cvc"))}"{_invalid(form, "card_cvc")}></div></div>'
        '<div><label for="name">Cardholder name</label>'
        f'<input id="name" type="text" name="name" autocomplete="cc-name" placeholder="Full name on card" '
        f'value="{text(form.get("name"))}"></div></div></div>'
    )
    account = (
        f'<div class="method"><label><input type="radio" name="method" value="bank"{bank_checked}> Bank debit'
        '<small>takes three days</small></label><div><label for="account">Account number</label>'
        f'<input id="account" type="text" name="account" inputmode="numeric" '
        f'value="{text(form.get("account") or "000123456789")}"></div></div>'
    )
    shown = card + (account if "us_bank_account" in session["payment_method_types"] else "")
    return f'<fieldset class="methods"><legend>Payment method</legend>{shown}</fieldset>'


def _invalid(form: Form, name: str) -> str:
    return ' aria-invalid="true"' if form.wrong == name else ""


def _button(world: World, session: Obj) -> str:
    if session["mode"] == "setup":
        return "Save"
    if session["mode"] == "subscription":
        return "Start trial" if trial_end(world, session) else "Subscribe"
    due = due_now(session)
    return f"Pay {amount(due, session['currency'])}" if due else "Complete order"


def _fine_print(session: Obj) -> str:
    if session["mode"] == "subscription":
        return "By subscribing you allow Sandbox store to charge your payment method for each period until you cancel."
    if session["mode"] == "setup":
        return "By saving your payment details you allow Sandbox store to charge them for later payments."
    return "This is a test payment. Your card is not charged."


def _hints() -> str:
    rows = "".join(f"<tr><td>{number}</td><td>{what}</td></tr>" for number, what in _HINTS)
    return (
        '<details class="hints"><summary>Test cards</summary><table>'
        f"{rows}</table><p>Any future expiry date, any CVC of three digits.</p></details>"
    )
