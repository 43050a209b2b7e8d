"""Errors and their HTTP codes."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from polycypher import errors
from polycypher.serving.failures import INTERNAL, Refused, body_of, headers_of, status_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.UsageError("x"), 400),
        (errors.SchemaError("x"), 400),
        (errors.GuardError("x"), 422),
        (errors.QueryRejected("x"), 422),
        (errors.QueryTimeout("x"), 504),
        (errors.GraphUnavailable("x"), 503),
        (errors.GraphAuthError("x"), 503),
        (errors.ModelError("x"), 500),
        (errors.BundleError("x"), 500),
        (Refused(HTTPStatus.TOO_MANY_REQUESTS, "Overloaded", "x"), 429),
    ],
)
def test_an_error_has_its_code_and_its_name(error: errors.PolycypherError, status: int) -> None:
    assert status_of(error) == status
    assert body_of(error)["error"]["message"] == "x"


def test_every_error_of_the_package_has_a_code() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert len(kinds) > 10
    for kind in kinds:
        assert 400 <= status_of(kind("x")) < 600


def test_what_nobody_foresaw_is_not_told() -> None:
    told = body_of(RuntimeError("the secret is 42"))
    assert status_of(RuntimeError()) == 500
    assert told == {"error": {"type": "InternalError", "message": INTERNAL}}


def test_a_message_is_one_line() -> None:
    assert body_of(errors.QueryRejected("a\n b"))["error"]["message"] == "a b"


def test_a_wait_is_told_in_whole_seconds_of_at_least_one() -> None:
    for wait, told in ((0.01, "1"), (1.2, "2"), (7.0, "7")):
        assert headers_of(Refused(HTTPStatus.TOO_MANY_REQUESTS, "X", "x", retry_after=wait)) == {
            "Retry-After": told
        }
