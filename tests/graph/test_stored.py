"""Stored values found in the demo graph."""

from __future__ import annotations

from polycypher.errors import QueryTimeout
from polycypher.graph.client import Limits, Result
from polycypher.graph.store import GraphStore
from polycypher.graph.stored import find_stored
from polycypher.schema import GraphSchema


def test_values_are_found_whatever_their_case_with_their_property(demo_store: GraphStore) -> None:
    texts = ["clint eastwood", "UNFORGIVEN", "nobody of that name", "it's \\ 'odd'"]
    found = demo_store.stored(" ".join(texts), texts)
    assert found["Clint Eastwood"] == {("Person", "name")}
    assert ("Movie", "title") in found["Unforgiven"]
    assert set(found) == {"Clint Eastwood", "Unforgiven"}


def test_nothing_to_look_for_asks_nothing() -> None:
    def read(query: str, limits: Limits) -> Result:
        raise AssertionError(query)

    assert find_stored(read, GraphSchema.from_dict({"node_properties": {"A": {"b": "STRING"}}}), []) == {}


def test_a_graph_that_is_too_slow_gives_no_hints() -> None:
    asked = []

    def read(query: str, limits: Limits) -> Result:
        asked.append(query)
        raise QueryTimeout("too slow")

    schema = GraphSchema.from_dict({"node_properties": {"A": {"b": "STRING", "n": "INTEGER"}}})
    assert find_stored(read, schema, ["x"]) == {}
    assert len(asked) == 1  # text properties alone


def test_after_its_seconds_no_further_property_is_looked_into() -> None:
    def read(query: str, limits: Limits) -> Result:
        raise AssertionError(query)

    schema = GraphSchema.from_dict({"node_properties": {"A": {"b": "STRING"}}})
    assert find_stored(read, schema, ["x"], seconds=0.0) == {}
