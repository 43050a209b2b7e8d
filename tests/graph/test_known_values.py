"""The stored values that a store knows: when its index answers, when the graph is asked, what faults do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from polycypher.errors import GraphUnavailable, QueryTimeout
from polycypher.graph import cache
from polycypher.graph import known_values as module
from polycypher.graph.client import Limits, Result
from polycypher.graph.known_values import FRESH_SECONDS, KnownValues
from polycypher.graph.value_index import OLDEST_SECONDS, ValueIndex, load_index, store_index
from polycypher.schema import GraphSchema

SCHEMA = GraphSchema({"A": {"x": "STRING"}})
HERE = frozenset({("A", "x")})
VALUES = ValueIndex({"Ann Lee": HERE, "blue": HERE, "İstanbul": HERE}, complete=True)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time go by for how old an index is."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


def never(query: str, limits: Limits) -> Result:
    raise AssertionError(query)


class Graph:
    """A graph of one property with these values; counts what it is asked, and fails when told to."""

    def __init__(self, *values: str) -> None:
        self.values, self.asked = values, list[str]()
        self.fault: Exception | None = None

    def __call__(self, query: str, limits: Limits) -> Result:
        self.asked.append(query)
        if self.fault is not None:
            raise self.fault
        return Result(("x",), tuple((value,) for value in self.values), False, 0.0)


def known(run: Callable[[str, Limits], Result] = never, *, fixed: bool = True) -> KnownValues:
    """Values that an index in the cache tells."""
    store_index("key", VALUES)
    return KnownValues(run, lambda: SCHEMA, "key", fixed=fixed)


def finish_building() -> None:
    for thread in threading.enumerate():
        if thread.name == "index of values":
            thread.join()


def test_known_values_are_told_without_asking_the_graph() -> None:
    found = known().stored(
        "what is ann lee's blue thing in istanbul", ["ann lee", "blue", "thing", "istanbul"]
    )
    assert found == {"Ann Lee": HERE, "blue": HERE, "İstanbul": HERE}


def test_a_name_that_is_not_among_them_may_have_come_since() -> None:
    graph = Graph("Bob Ray")
    found = known(graph, fixed=False).stored("is Ann Lee with Bob Ray", ["Ann Lee", "Bob Ray", "with", "is"])
    assert found == {"Ann Lee": HERE, "Bob Ray": HERE}
    (query,) = graph.asked
    assert "'bob ray'" in query
    assert "'ann lee'" not in query
    assert "'with'" not in query


def test_nothing_comes_to_a_graph_that_does_not_change() -> None:
    found = known().stored("is Ann Lee with Bob Ray", ["Ann Lee", "Bob Ray", "with", "is"])
    assert found == {"Ann Lee": HERE}


@pytest.mark.parametrize("title", ["𝔄" * 41, "İ" * 41])
def test_letters_are_counted_as_servers_count_them(title: str) -> None:
    assert known(Graph(title)).stored(title, [title]) == {title: HERE}


def test_what_is_too_long_for_the_index_is_asked_of_the_graph() -> None:
    long = "a very long title " * 6
    graph = Graph(long)
    assert known(graph).stored(long, [long]) == {long: HERE}


def test_an_index_that_is_not_complete_is_no_answer() -> None:
    graph = Graph("Blue")
    store_index("key", ValueIndex({}, complete=False))
    assert KnownValues(graph, lambda: SCHEMA, "key").stored("blue", ["blue"]) == {"Blue": HERE}


def test_a_graph_that_may_change_is_asked_again_after_minutes(clock: Callable[[float], None]) -> None:
    graph = Graph("Blue")
    values = known(graph, fixed=False)
    assert values.stored("blue", ["blue"]) == {"blue": HERE}
    assert graph.asked == []
    clock(FRESH_SECONDS + 1)
    assert values.stored("blue", ["blue"]) == {"Blue": HERE}


def test_an_old_index_serves_on_while_another_is_built(clock: Callable[[float], None]) -> None:
    graph = Graph("green")
    values = known(graph)
    assert values.stored("blue", ["blue"])
    clock(OLDEST_SECONDS + 1)
    assert values.stored("blue", ["blue"]) == {"blue": HERE}
    finish_building()
    assert values.stored("green", ["green"]) == {"green": HERE}


def test_an_outage_leaves_what_is_known_and_is_tried_again(clock: Callable[[float], None]) -> None:
    graph = Graph("green")
    values = known(graph)
    values.stored("blue", ["blue"])
    clock(OLDEST_SECONDS + 1)
    graph.fault = GraphUnavailable("gone")
    assert values.stored("blue", ["blue"]) == {"blue": HERE}
    finish_building()
    assert load_index("key")[0] == VALUES  # and nothing less was written
    graph.fault = None
    clock(61)
    values.stored("blue", ["blue"])
    finish_building()
    assert values.stored("green", ["green"]) == {"green": HERE}


def test_a_slow_graph_does_not_take_away_what_is_known() -> None:
    graph = Graph()
    graph.fault = QueryTimeout("slow")
    values = known(graph)
    assert values.stored("blue", ["blue"])
    assert not values.build().complete
    assert values.stored("blue", ["blue"]) == {"blue": HERE}
    assert load_index("key")[0] == VALUES


def test_a_graph_that_cannot_be_asked_gives_no_substitution() -> None:
    graph = Graph()
    graph.fault = GraphUnavailable("gone")
    values = KnownValues(graph, lambda: SCHEMA, "")
    assert values.near("Who is Ann Lea?", ["Ann Lea"], {}).question == "Who is Ann Lea?"
    finish_building()
