"""Where object ids come from: an injected source, random-looking, in no order that anybody could lean on."""

import base64
import random
from typing import Protocol

_LENGTHS = {"cus_": 14, "prod_": 14, "si_": 14, "cs_test_": 58, "evt_": 24, "req_": 14, "whsec_": 32}
_DEFAULT_LENGTH = 24


class IdSource(Protocol):
    """Makes ids; a source must never give the same id twice."""

    def new(self, prefix: str) -> str:
        """A fresh id that begins with `prefix`."""

    def text(self, length: int) -> str:
        """`length` random letters and digits, for secrets and codes that are no ids."""


class SeededIds:
    """Ids drawn from a generator of their own: the same seed gives the same ids in the same order."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(seed)  # noqa: S311 - reproducible ids are the point; nothing is kept secret by them

    def new(self, prefix: str) -> str:
        """A fresh id: the prefix, then as many letters and digits as Stripe uses for that kind."""
        return prefix + self.text(_LENGTHS.get(prefix, _DEFAULT_LENGTH))

    def text(self, length: int) -> str:
        """`length` random letters and digits."""
        return base64.b64encode(self._random.randbytes(length), altchars=b"aZ")[:length].decode()
