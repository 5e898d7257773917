"""Examples of errors, one for each code, for the OpenAPI document: what the API itself would answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from billing_core.domain import errors
from billing_http.problems import BY_ERROR, Code, Problem, WrongField, internal_error, problem_of

__all__ = ["problem_example"]

#: What no error of the core stands for: the words of whoever answers it.
_OTHERS: dict[Code, Problem] = {
    Code.UNAUTHENTICATED: Problem(code=Code.UNAUTHENTICATED, detail="A token is needed: Authorization: Bearer …"),
    Code.METHOD_NOT_ALLOWED: Problem(
        code=Code.METHOD_NOT_ALLOWED, detail="Here these methods are allowed: GET, OPTIONS."
    ),
    Code.PAYLOAD_TOO_LARGE: Problem(code=Code.PAYLOAD_TOO_LARGE, detail="The body is larger than what is taken here."),
    Code.UNSUPPORTED_MEDIA_TYPE: Problem(
        code=Code.UNSUPPORTED_MEDIA_TYPE, detail="The body must be JSON in UTF-8: application/json."
    ),
    Code.RATE_LIMITED: Problem(code=Code.RATE_LIMITED, detail="300 requests in 60 s are allowed. Try again in 12 s."),
    Code.INTERNAL_ERROR: internal_error(),
    Code.PROVIDER_ERROR: Problem(
        code=Code.PROVIDER_ERROR,
        detail="Stripe says: Your card was declined.",
        provider_code="card_declined",
        decline_code="insufficient_funds",
    ),
    Code.UNAVAILABLE: problem_of(errors.ProviderUnavailable()),
}


def problem_example(code: Code, path: str, *, demanded: Sequence[str] = ()) -> dict[str, Any]:
    """What an error with this code looks like at ``path``, where the body has to have the fields ``demanded``."""
    problem = _unfit(demanded) if code is Code.VALIDATION_FAILED else _OTHERS.get(code)
    if problem is None:
        problem = problem_of(next(error for error, known in BY_ERROR.items() if known is code)())
    example: dict[str, Any] = msgspec.json.decode(problem.body(path))
    return example


def _unfit(demanded: Sequence[str]) -> Problem:
    """A body that lacks the first field that it has to have; where none is, a query parameter that nobody knows."""
    wrong = (
        WrongField(demanded[0], "This field is missing.") if demanded else WrongField("page", "This field is unknown.")
    )
    return Problem(code=Code.VALIDATION_FAILED, detail=f"{wrong.field}: {wrong.message}", errors=(wrong,))
