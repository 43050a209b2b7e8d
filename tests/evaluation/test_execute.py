"""Outcomes of queries, and what is remembered."""

from __future__ import annotations

import pytest

from polycypher.errors import (
    GraphAuthError,
    GraphUnavailable,
    GuardError,
    PolycypherError,
    QueryRejected,
    QueryTimeout,
)
from polycypher.evaluation.execute import EVALUATION_LIMITS, Executor, Outcome
from polycypher.graph.store import Limits, Result


class Store:
    """Answers every query with one row, or raises the error that stands for it."""

    def __init__(self, errors: dict[str, PolycypherError] | None = None) -> None:
        self.errors = errors or {}
        self.asked: list[tuple[str, Limits]] = []

    def read(self, query: str, *, limits: Limits) -> Result:
        self.asked.append((query, limits))
        if query in self.errors:
            raise self.errors[query]
        return Result(("x",), ((query,),), truncated=False, elapsed_ms=0.1)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (GuardError("it writes"), Outcome.REFUSED),
        (QueryRejected("no such function"), Outcome.REJECTED),
        (QueryTimeout("too slow"), Outcome.TIMEOUT),
        (GraphUnavailable("gone"), Outcome.UNAVAILABLE),
    ],
)
def test_each_failure_has_its_outcome(error: PolycypherError, outcome: Outcome) -> None:
    execution = Executor(Store({"q": error})).run("q")
    assert (execution.outcome, execution.result, execution.message) == (outcome, None, str(error))


def test_a_result_comes_with_ok_and_the_limits_of_evaluation() -> None:
    store = Store()
    execution = Executor(store).run("q")
    assert execution.outcome is Outcome.OK
    assert execution.result is not None
    assert execution.result.rows == (("q",),)
    assert store.asked == [("q", EVALUATION_LIMITS)]


def test_a_query_runs_once_unless_asked_for_fresh() -> None:
    store = Store({"slow": QueryTimeout("too slow")})
    executor = Executor(store)
    for query in ("q", "q", "slow", "slow"):
        executor.run(query)
    assert [query for query, _ in store.asked] == ["q", "slow"]
    executor.run("q", fresh=True)
    assert [query for query, _ in store.asked] == ["q", "slow", "q"]


def test_the_least_recently_used_result_goes_first() -> None:
    store = Store()
    executor = Executor(store, keep=2)
    for query in ("a", "b", "a", "c", "a", "b"):
        executor.run(query)
    assert [query for query, _ in store.asked] == ["a", "b", "c", "b"]


def test_an_absent_database_is_asked_again() -> None:
    store = Store({"q": GraphUnavailable("gone")})
    executor = Executor(store)
    executor.run("q")
    store.errors.clear()
    assert executor.run("q").outcome is Outcome.OK


def test_a_wrong_password_is_no_outcome() -> None:
    with pytest.raises(GraphAuthError):
        Executor(Store({"q": GraphAuthError("wrong password")})).run("q")
