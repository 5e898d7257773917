"""Every error is a problem (RFC 9457): the table of codes, and what it keeps to itself."""

import inspect

import pytest
import structlog

from billing_core.domain import errors
from billing_core.ports.unit_of_work import UnitOfWork
from billing_http.problems import BY_ERROR, STATUSES, TITLES, Code, problem_of
from tests.component.http.house import House

#: The table of docs/reference/http-api.md, by hand.
PROMISED = {
    "validation_failed": 400,
    "invalid_signature": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "already_subscribed": 409,
    "already_owned": 409,
    "invalid_transition": 409,
    "refund_window_closed": 409,
    "already_refunded": 409,
    "payment_method_in_use": 409,
    "preview_outdated": 409,
    "idempotency_in_progress": 409,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "idempotency_key_reused": 422,
    "rate_limited": 429,
    "internal_error": 500,
    "provider_error": 502,
    "unavailable": 503,
}
LEAVES = {
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.BillingError) and not kind.__subclasses__()
}


def test_each_code_has_the_promised_status() -> None:
    assert {str(code): STATUSES[code] for code in Code} == PROMISED
    assert TITLES.keys() == set(Code)


def test_each_leaf_of_the_errors_has_a_row() -> None:
    assert sorted(map(str, LEAVES - BY_ERROR.keys())) == []


@pytest.mark.parametrize("kind", sorted(LEAVES, key=str))
def test_each_leaf_is_answered_with_its_code(kind: type[errors.BillingError]) -> None:
    problem = problem_of(kind())

    assert problem.code is BY_ERROR[kind]
    assert problem.detail


def test_an_error_without_a_row_is_unforeseen() -> None:
    class Strange(errors.BillingError):
        """The secret is hunter2."""

    problem = problem_of(Strange())

    assert problem.code is Code.INTERNAL_ERROR
    assert "hunter2" not in problem.detail


def test_a_misfit_names_its_field() -> None:
    (wrong,) = problem_of(errors.InvalidValue("It is too long.", field="reason")).errors

    assert (wrong.field, wrong.message) == ("reason", "It is too long.")


def test_what_the_provider_says_of_a_card_is_passed_on() -> None:
    problem = problem_of(errors.ProviderRefused("Declined.", code="card_declined", decline_code="lost_card"))

    assert (problem.status, problem.provider_code, problem.decline_code) == (502, "card_declined", "lost_card")
    assert problem.detail == "Declined."


def test_what_the_provider_says_of_our_key_is_not() -> None:
    problem = problem_of(errors.ProviderRefused("sk_test_123 lacks a permission.", code="permission_error"))

    assert "sk_test" not in problem.detail


@pytest.mark.parametrize(
    "error", [errors.StorageUnavailable("host=10.0.0.7 refused"), errors.ProviderUnavailable("10.0.0.8 is away")]
)
def test_where_our_services_are_is_nobodys_business(error: errors.BillingError) -> None:
    problem = problem_of(error)

    assert problem.status == 503
    assert "10.0.0" not in problem.detail
    assert problem.all_headers["retry-after"].isdigit()


async def test_a_problem_says_everything_that_rfc_9457_names(house: House, ann: str) -> None:
    answer = await house.ask("GET", "/api/purchases/nonsense/status", user=ann)

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:billing:problem:not_found",
        "title": "There is no such thing",
        "status": 404,
        "detail": "There is no such thing, or it belongs to somebody else.",
        "instance": "/api/purchases/nonsense/status",
        "code": "not_found",
    }


async def test_an_unknown_path_is_a_problem(house: House) -> None:
    answer = await house.ask("GET", "/api/nonsense", user=None)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/api/subscriptions/plans", "GET, HEAD, OPTIONS"),
        ("POST", "/api/schema", "GET, HEAD, OPTIONS"),
        ("POST", "/metrics", "GET, HEAD, OPTIONS"),
        ("GET", "/api/purchases/create", "OPTIONS, POST"),
        ("TRACE", "/api/purchases/create", "OPTIONS, POST"),
    ],
)
async def test_another_method_is_a_problem_that_names_the_right_ones(
    house: House, method: str, path: str, allowed: str
) -> None:
    answer = await house.ask(method, path, user=None)

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert ", ".join(sorted(answer.headers["allow"].split(", "))) == allowed


async def test_head_is_refused_where_get_is(house: House) -> None:
    answer = await house.ask("HEAD", "/api/purchases/create", user=None)

    assert (answer.status_code, answer.content) == (405, b"")
    assert "POST" in answer.headers["allow"]


class Broken:
    """A database that fails as nobody foresaw."""

    def __call__(self) -> UnitOfWork:
        """Fails."""
        raise RuntimeError("SELECT secret FROM somewhere")


async def test_what_nobody_foresaw_is_told_without_its_inside(log: structlog.testing.LogCapture) -> None:
    house = House(units=Broken())

    answer = await house.ask("GET", "/api/subscriptions/plans", user=None)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    assert [entry["event"] for entry in log.entries] == ["unforeseen", "request"]
    assert log.entries[0]["request_id"] == answer.headers["x-request-id"]


class BrokenLimit:
    """A rate limiter that breaks its promise never to raise."""

    async def hit(self, *key: str) -> None:
        """Fails."""
        raise RuntimeError(f"no secret of {key}")


async def test_what_goes_wrong_before_the_routes_is_a_problem_too(log: structlog.testing.LogCapture) -> None:
    house = House(address_limit=BrokenLimit())

    answer = await house.ask("GET", "/api/subscriptions/plans", user=None)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert [entry["event"] for entry in log.entries] == ["unforeseen", "request"]
