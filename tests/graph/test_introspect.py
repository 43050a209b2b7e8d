"""The schema of a live graph, and of ones too large to look at all of."""

from __future__ import annotations

import pytest

from polycypher.errors import QueryTimeout
from polycypher.graph.client import Limits, Result
from polycypher.graph.introspect import read_schema
from polycypher.graph.store import GraphStore
from polycypher.graph.values import Temporal, Value
from polycypher.schema import GraphSchema, Pattern


class Graph:
    """A stand-in that answers by the query's beginning, and takes too long where told to."""

    def __init__(self, answers: dict[str, list[tuple[Value, ...]]], slow: tuple[str, ...] = ()) -> None:
        self.answers = answers
        self.slow = slow
        self.asked: list[str] = []

    def __call__(self, query: str, limits: Limits) -> Result:
        self.asked.append(query)
        if query in self.slow:
            raise QueryTimeout("too slow")
        rows = next((rows for start, rows in self.answers.items() if query.startswith(start)), [])
        return Result((), tuple(rows), False, 0.0)


def test_the_schema_of_the_tiny_graph(store: GraphStore) -> None:
    assert store.schema() == GraphSchema(
        {
            "City": {"area": "FLOAT", "name": "STRING"},
            "Person": {"born": "INTEGER", "name": "STRING"},
        },
        {"LIVES_IN": {"since": "DATE"}},
        (Pattern("Person", "KNOWS", "Person"), Pattern("Person", "LIVES_IN", "City")),
    )


def test_the_schema_is_read_once(store: GraphStore) -> None:
    assert store.schema() is store.schema()
    assert store.schema() is not store.schema(refresh=True)


def test_an_empty_graph_has_an_empty_schema() -> None:
    schema = read_schema(Graph({})).schema
    assert schema == GraphSchema({})
    assert not schema


def test_nodes_of_several_labels_count_for_each() -> None:
    graph = Graph(
        {
            "MATCH (n) RETURN": [(["Boss", "Person"],), (["Person"],), ([],)],
            "MATCH (a)-[r]->(b)": [(["Person"], "KNOWS", ["Boss", "Person"])],
        }
    )
    schema = read_schema(graph).schema
    assert schema.labels == ("Boss", "Person")
    assert schema.relationships == (Pattern("Person", "KNOWS", "Boss"), Pattern("Person", "KNOWS", "Person"))


def test_a_property_has_its_most_frequent_type() -> None:
    people: list[tuple[Value, ...]] = [
        ({"born": 1, "height": 1, "note": "a", "on": Temporal("DATE", "2020-01-01"), "gone": None},),
        ({"born": "x", "height": 1.5, "note": ["a"]},),
        ({"born": 2, "note": "b"},),
    ]
    graph = Graph({"MATCH (n) RETURN": [(["P"],)], "MATCH (n:P)": people})
    assert read_schema(graph).schema.node_properties == {
        "P": {"born": "INTEGER", "height": "FLOAT", "note": "STRING", "on": "DATE"}
    }


def test_names_are_quoted_where_needed() -> None:
    graph = Graph({"MATCH (n) RETURN": [(["Odd `name`"],)]})
    assert read_schema(graph).schema.labels == ("Odd `name`",)
    assert any("(n:`Odd ``name```)" in query for query in graph.asked)


def test_names_that_no_query_may_hold_are_left_out_and_never_sent(caplog: pytest.LogCaptureFixture) -> None:
    label, kind = "X\\u0060) DETACH DELETE n //", "T\\u0060"
    graph = Graph(
        {
            "MATCH (n) RETURN": [([label, "A"],), (["B"],)],
            "MATCH (a)-[r]->(b)": [([label, "A"], "U", ["B"]), (["A"], kind, ["B"]), (["B"], "U", [label])],
        }
    )
    schema = read_schema(graph).schema
    assert schema.labels == ("A", "B")
    assert schema.relationships == (Pattern("A", "U", "B"),)
    assert not any("u0060" in query for query in graph.asked)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "label 'X\\\\u0060) DETACH DELETE n //' is left out of the schema" in caplog.messages[0]


def test_a_graph_too_large_is_sampled_by_label() -> None:
    whole_labels = "MATCH (n) RETURN DISTINCT labels(n) AS labels"
    whole_patterns = (
        "MATCH (a)-[r]->(b) RETURN DISTINCT labels(a) AS starts, type(r) AS type, labels(b) AS ends"
    )
    graph = Graph(
        {
            "MATCH (n) WITH n LIMIT": [(["A"],), (["B"],)],
            "MATCH (a:A) WITH a LIMIT": [(["A"], "T", ["B"])],
            "MATCH (a:B) WITH a LIMIT": [(["B"], "U", ["A"])],
        },
        slow=(whole_labels, whole_patterns),
    )
    schema = read_schema(graph).schema
    assert schema.labels == ("A", "B")
    assert schema.relationships == (Pattern("A", "T", "B"), Pattern("B", "U", "A"))
    assert {whole_labels, whole_patterns} <= set(graph.asked)


def test_labels_whose_properties_take_too_long_stay_known() -> None:
    slow = "MATCH (n:A) RETURN properties(n) LIMIT 2000"
    graph = Graph({"MATCH (n) RETURN": [(["A"],), (["B"],)], "MATCH (n:B)": [({"x": 1},)]}, slow=(slow,))
    assert read_schema(graph).schema.node_properties == {"A": {}, "B": {"x": "INTEGER"}}
