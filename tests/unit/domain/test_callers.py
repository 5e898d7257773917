"""Who may see and change what (domain rule 8), and what an idempotency key is."""

from __future__ import annotations

import pytest

from billing_core.domain.callers import Caller, Role
from billing_core.domain.errors import BillingError, Forbidden, InvalidValue, NotFound
from billing_core.domain.idempotency import require_key

ANN = Caller("ann")
SERVICE = Caller("shop", frozenset({Role.SERVICE}))
ADMIN = Caller("sue", frozenset({Role.ADMIN}))
#: What each caller gets who reads what is Ann's, changes a thing of Ann's, or asks for what only support staff may.
RIGHTS: dict[str, tuple[Caller, type[BillingError] | None, type[BillingError] | None, type[BillingError] | None]] = {
    "herself": (ANN, None, None, Forbidden),
    "another user, who may not even learn that it is there": (Caller("bob"), Forbidden, NotFound, Forbidden),
    "another service, which only reads": (SERVICE, None, Forbidden, Forbidden),
    "support staff": (ADMIN, None, None, None),
}


@pytest.mark.parametrize(("caller", "reading", "changing", "administering"), RIGHTS.values(), ids=RIGHTS)
def test_each_caller_may_what_their_role_says(
    caller: Caller,
    reading: type[BillingError] | None,
    changing: type[BillingError] | None,
    administering: type[BillingError] | None,
) -> None:
    def refusal(ask: object, *whose: str) -> type[BillingError] | None:
        assert callable(ask)
        try:
            ask(*whose)
        except BillingError as refused:
            return type(refused)
        return None

    assert refusal(caller.require_reading, "ann") is reading
    assert refusal(caller.require_changing_thing, "ann") is changing
    assert refusal(caller.require_admin) is administering
    assert caller.may_read("ann") == (reading is None)
    assert caller.may_change("ann") == (changing is None)


@pytest.mark.parametrize("key", ["k", "k" * 255, "!~", "order-17/a"])
def test_a_key_is_up_to_255_visible_ascii_characters(key: str) -> None:
    assert require_key(key) == key


@pytest.mark.parametrize("key", ["", "k" * 256, "a b", "a\x7f", "schlüssel", "a\n"])
def test_anything_else_is_no_key(key: str) -> None:
    with pytest.raises(InvalidValue):
        require_key(key)
