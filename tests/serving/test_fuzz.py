"""Requests made up from the server's own OpenAPI file: none may bring it out of its described ways."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from serving_helpers import Served, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

OPERATIONS = [
    ("POST", "/v1/ask"),
    ("POST", "/v1/translate"),
    ("POST", "/v1/run"),
    ("GET", "/v1/schema"),
    ("GET", "/v1/languages"),
    ("GET", "/v1/examples"),
    ("GET", "/v1/models"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
]


@pytest.fixture(scope="module")
def described(served: Served) -> Any:
    """The server's OpenAPI file."""
    return schemathesis.openapi.from_url(f"{served.url}openapi.json")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_every_answer_is_one_that_the_file_describes(
    mode: schemathesis.GenerationMode, method: str, path: str, described: Any, served: Served
) -> None:
    operation = described[path][method]
    if mode is schemathesis.GenerationMode.NEGATIVE and not (operation.body or operation.query):
        pytest.skip("takes nothing that could be wrong")

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    def check(case: schemathesis.Case) -> None:
        response = case.call(timeout=120)
        # What fits the file may still be no question, be refused by the guard, or have no time left; and a
        # body that is too long is refused before anybody looks whether it fits.
        apart = [positive_data_acceptance, not_a_server_error]
        if response.status_code == 413:
            apart.append(negative_data_rejection)
        case.validate_response(response, excluded_checks=apart)
        assert response.status_code not in (500, 503), response.text

    check()


def test_no_operation_is_left_out(described: Any) -> None:
    there = {(found.ok().method.upper(), found.ok().path) for found in described.get_all_operations()}
    assert there == set(OPERATIONS)


def test_the_server_is_well_afterwards(served: Served) -> None:
    assert served.client.get("/healthz").status_code == 200
    assert served.run("MATCH (n) RETURN count(n) > 0").json()["rows"] == [[True]]
    wait_until(lambda: served.service.admission.count == 0)
