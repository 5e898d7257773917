"""The OpenAPI document describes exactly this API, and its page needs nothing from anywhere else."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pytest

from billing_core.domain.access import Blocked, Opened, SourceKind
from billing_core.domain.payments import PaymentStatus
from billing_core.domain.periods import Interval
from billing_core.domain.purchases import PurchaseStatus
from billing_core.domain.refunds import RefundStatus
from billing_core.domain.resources import ResourceType
from billing_core.domain.subscriptions import Status
from billing_http.app import every_route
from billing_http.error_examples import problem_example
from billing_http.field_texts import EVERYWHERE, FIELDS
from billing_http.openapi import document, operations
from billing_http.operations import Operation
from billing_http.problems import STATUSES, TITLES, Code, ProblemShape
from billing_http.value_texts import SETS, VALUES
from tests.component.http.house import ORIGIN, House

ROUTES = list(operations(every_route()))
OPERATIONS: list[Operation] = [operation for _, _, _, operation in ROUTES]
DOCUMENT: dict[str, Any] = document(every_route())


def references(part: object) -> Iterator[str]:
    """Every ``$ref`` in a part of the document."""
    if isinstance(part, dict):
        yield from (value for name, value in part.items() if name == "$ref")
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_a_client_finds_every_code_that_an_error_may_have() -> None:
    code = DOCUMENT["components"]["schemas"]["ProblemShape"]["properties"]["code"]

    assert code["enum"] == list(Code)
    assert all(f"`{one}`: {TITLES[one]}." in code["description"] for one in Code)


async def test_the_document_is_served(house: House) -> None:
    answer = await house.ask("GET", "/api/schema/openapi.json", user=None)

    assert answer.json() == DOCUMENT
    assert DOCUMENT["openapi"] == "3.1.0"


def test_each_operation_has_a_name_of_its_own() -> None:
    assert len({operation.id for operation in OPERATIONS}) == len(OPERATIONS) > 20


def test_no_two_paths_differ_in_a_parameters_name_alone() -> None:
    shapes = [re.sub(r"{\w+}", "{}", path) for path in DOCUMENT["paths"]]

    assert sorted(set(shapes)) == sorted(shapes)


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    used = {reference.removeprefix("#/components/schemas/") for reference in references(DOCUMENT)}

    assert used == DOCUMENT["components"]["schemas"].keys()


def test_every_operation_has_an_example_of_its_answer() -> None:
    assert [operation.id for operation in OPERATIONS if operation.answer and not operation.example] == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_examples_are_what_they_are_examples_of(operation: Operation) -> None:
    """Not a field more, none less."""
    if operation.body is not None and operation.body_example is not None:
        msgspec.convert(operation.body_example, operation.body)
    if operation.answer is not None and operation.example is not None:
        read = msgspec.convert(operation.example, operation.answer)
        assert msgspec.json.decode(msgspec.json.encode(read)) == operation.example


def test_every_field_and_every_parameter_says_what_it_means() -> None:
    """Whoever writes a frontend reads nothing else."""
    schemas = DOCUMENT["components"]["schemas"]
    fields = {(name, field): told for name, one in schemas.items() for field, told in one.get("properties", {}).items()}
    operations_ = [told for path in DOCUMENT["paths"].values() for told in path.values()]
    parameters = {(told["operationId"], one["name"]): one for told in operations_ for one in told["parameters"]}

    assert [named for named, told in (fields | parameters).items() if not told.get("description")] == []
    assert [name for name, one in schemas.items() if not one.get("description")] == []


def test_what_is_sent_never_lacks_a_field_and_what_is_asked_may() -> None:
    """So a client that is generated from the document neither demands what is optional nor doubts what is there."""
    schemas = DOCUMENT["components"]["schemas"]

    assert set(schemas["StatusShape"]["required"]) == {"user_id", "has_access", "subscription", "dunning"}
    assert schemas["CheckoutRequest"]["required"] == ["plan_id", "success_url", "cancel_url"]
    assert [
        name for name, one in schemas.items() for told in one.get("properties", {}).values() if "default" in told
    ] == []


def test_no_sentence_is_about_a_field_that_is_gone() -> None:
    shapes = {shape for one in OPERATIONS for shape in (one.query, one.body, one.answer) if shape is not None}
    _, schemas = msgspec.json.schema_components([*shapes, ProblemShape])
    there = {(name, field) for name, one in schemas.items() for field in one.get("properties", {})}

    assert {(name, field) for name, fields in FIELDS.items() for field in fields} - there == set()
    assert VALUES.keys() - there == set()
    assert {name for name, one in schemas.items() if "enum" in one} == SETS.keys()
    assert EVERYWHERE.keys() - {field for _, field in there} == set()


@pytest.mark.parametrize(
    ("schema", "field", "known"),
    [
        ("SubscriptionShape", "status", Status),
        ("PaymentShape", "status", PaymentStatus),
        ("PurchaseShape", "status", PurchaseStatus),
        ("RefundShape", "status", RefundStatus),
        ("PlanShape", "interval", Interval),
        ("SourceShape", "kind", SourceKind),
        ("DecisionShape", "reason", [*Opened, *Blocked]),
        ("ResourceShape", "resource_type", ResourceType),
    ],
)
def test_a_closed_set_has_every_value_that_there_is(schema: str, field: str, known: Iterable[str]) -> None:
    told = DOCUMENT["components"]["schemas"][schema]["properties"][field]

    assert sorted(told["enum"]) == sorted(map(str, known))
    assert all(f"`{value}`: " in told["description"] for value in known)


def test_what_needs_a_token_says_so() -> None:
    open_to_all = {
        told["operationId"]
        for path in DOCUMENT["paths"].values()
        for told in path.values()
        if told.get("security") == []
    }

    assert open_to_all == {"list_plans", "get_health", "get_liveness", "get_readiness", "receive_stripe_event"}
    assert DOCUMENT["security"] == [{"token": []}]


def test_every_operation_says_how_its_errors_look() -> None:
    for path in DOCUMENT["paths"].values():
        for told in path.values():
            errors = {status: one for status, one in told["responses"].items() if status >= "400"}
            assert {"400", "429", "500", "503"} <= errors.keys()
            assert all("application/problem+json" in one["content"] for one in errors.values())


async def test_the_page_fetches_nothing_from_anywhere_else(house: House) -> None:
    answer = await house.ask("GET", "/api/schema", user=None)

    assert answer.headers["content-type"].startswith("text/html")
    assert re.findall(r"https?://", answer.text) == []
    assert "script-src 'sha256-" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_every_error_has_an_example_that_is_one_of_it() -> None:
    for path in DOCUMENT["paths"].values():
        for told in path.values():
            for status, answer in told["responses"].items():
                if status < "400":
                    continue
                examples = answer["content"]["application/problem+json"]["examples"]
                assert examples
                for code, example in examples.items():
                    problem = msgspec.convert(example["value"], ProblemShape)
                    assert (problem.code, str(problem.status)) == (code, status)


@pytest.mark.parametrize("code", Code)
def test_each_code_has_an_example_of_its_own(code: Code) -> None:
    example = problem_example(code, "/api/subscriptions/plans")

    assert (example["code"], example["status"], example["title"]) == (code, STATUSES[code], TITLES[code])
    assert example["detail"]


def test_an_example_of_an_error_is_of_the_path_and_the_fields_that_it_stands_at() -> None:
    wrong: list[str] = []
    for path, method, _, operation in ROUTES:
        expected = re.compile(re.sub(r"{\w+}", "[^/{}]+", path))
        fields = set(getattr(operation.body, "__struct_fields__", ())) | {"page"}
        for answer in DOCUMENT["paths"][path][method.lower()]["responses"].values():
            problems = answer.get("content", {}).get("application/problem+json", {}).get("examples", {}).values()
            for problem in (one["value"] for one in problems):
                named = {one["field"] for one in problem.get("errors", [])}
                if not expected.fullmatch(problem["instance"]) or not named <= fields:
                    wrong.append(f"{operation.id}: {problem}")

    assert wrong == []


async def test_every_header_that_a_page_may_read_is_described(house: House) -> None:
    answer = await house.ask("GET", "/api/subscriptions/plans", user=None, headers={"Origin": ORIGIN})
    readable = set(answer.headers["access-control-expose-headers"].split(", "))
    answers = [
        one for path in DOCUMENT["paths"].values() for told in path.values() for one in told["responses"].values()
    ]

    assert readable == {name for one in answers for name in one["headers"]} - {"Cache-Control"}


def test_what_may_be_sent_again_says_how_it_is_answered_then() -> None:
    by_key = [
        told
        for path in DOCUMENT["paths"].values()
        for told in path.values()
        if any(one["name"] == "Idempotency-Key" for one in told["parameters"])
    ]

    assert len(by_key) > 10
    for told in by_key:
        good = [answer for status, answer in told["responses"].items() if status < "300"]
        assert all("Idempotent-Replayed" in answer["headers"] for answer in good)


def test_plans_are_asked_for_again_by_a_header_that_a_generated_client_knows() -> None:
    plans = DOCUMENT["paths"]["/api/subscriptions/plans"]["get"]

    assert [(one["name"], one["in"]) for one in plans["parameters"]] == [("If-None-Match", "header")]
    assert {"ETag", "Cache-Control", "X-Request-Id"} <= plans["responses"]["304"]["headers"].keys()


def test_what_is_left_out_where_it_does_not_apply_is_never_null() -> None:
    """So a client asks once whether it is there."""
    schemas = DOCUMENT["components"]["schemas"]
    answers = {name: one for name, one in schemas.items() if one.get("additionalProperties") is not False}

    assert [
        (name, field)
        for name, one in answers.items()
        for field, told in one.get("properties", {}).items()
        if field not in one["required"] and {"type": "null"} in told.get("anyOf", [])
    ] == []


def test_every_answer_and_every_body_has_an_example() -> None:
    operations_ = [told for path in DOCUMENT["paths"].values() for told in path.values()]
    contents = [
        (told["operationId"], content)
        for told in operations_
        for part in (told.get("requestBody", {}), *told["responses"].values())
        for content in part.get("content", {}).values()
    ]

    assert [named for named, content in contents if not (content.get("example") or content.get("examples"))] == []


def test_the_example_of_an_answer_that_is_no_problem_is_one_of_its_schema() -> None:
    """What `get_health` and `get_readiness` answer with 503, too."""
    shapes = {operation.answer.__name__: operation.answer for operation in OPERATIONS if operation.answer}
    contents = [
        answer["content"]["application/json"]
        for path in DOCUMENT["paths"].values()
        for told in path.values()
        for answer in told["responses"].values()
        if "application/json" in answer.get("content", {})
    ]

    for content in contents:
        read = msgspec.convert(content["example"], shapes[content["schema"]["$ref"].rpartition("/")[2]])
        assert msgspec.json.decode(msgspec.json.encode(read)) == content["example"]


def test_an_id_in_a_path_says_of_what_it_is() -> None:
    told = {
        one["description"]
        for path, methods in DOCUMENT["paths"].items()
        for operation in methods.values()
        for one in operation["parameters"]
        if one["name"] == "id" and not path.startswith("/api/payments")
    }

    assert len(told) == len({"subscription", "purchase", "grant"})
