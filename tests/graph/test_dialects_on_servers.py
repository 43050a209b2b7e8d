"""The data of dialects on real servers: what each has, and that what is said otherwise means the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from polycypher.cypher.dialect import OTHER, construct_of_function, constructs, dialect, dialect_names
from polycypher.cypher.dialect_rewrite import to_dialect
from polycypher.errors import QueryRejected
from polycypher.graph.bolt import BoltClient
from polycypher.graph.client import Limits
from polycypher.graph.embedded import ServerLease
from polycypher.graph.store import GraphStore

ONLY_THERE = frozenset({"breadth_first", "in_milliseconds"})
"""Rules whose result only the vendor's own server can run, or that set right what only there is wrong."""

REWRITINGS = [
    (name, construct)
    for name in dialect_names()
    for construct, lack in dialect(name).lacks.items()
    if lack.rule and lack.rule not in ONLY_THERE
]

MORE = [
    ("neptune", "MATCH (p:Person) WHERE NOT EXISTS { (p)-[:LIVES_IN]->() } RETURN p.name"),
    (
        "neptune",
        "MATCH (p:Person) RETURN p.name, COUNT { MATCH (p)-[:KNOWS]->(q) WHERE q.born > 1980 RETURN q }",
    ),
    ("falkordb", "MATCH (p:Person) WHERE COUNT { (p)-[:KNOWS]->(q) WHERE q.born > 1980 } > 2 RETURN p.name"),
    ("falkordb", "MATCH (p:Person) WITH p WHERE COUNT { (p)-[:LIVES_IN]->() } = 0 RETURN count(p) AS n"),
    ("falkordb", "MATCH (p:Person|City) WHERE NOT EXISTS { (p)-[:KNOWS]->() } RETURN p.name"),
    ("neptune", "MATCH (p:Person) OPTIONAL MATCH (p)-->(c:City|Nothing) RETURN p.name, c.name"),
    ("neptune", "MATCH (p:Person WHERE p.born > 1980)-[:KNOWS]->(q:!City) RETURN count(*) AS n"),
    ("neptune", "UNWIND [[], [1], [null], [1, null], null] AS l RETURN any(x IN l WHERE x = 1) AS a"),
    ("neptune", "UNWIND [[], [1], [2, null], [null], null] AS l RETURN all(x IN l WHERE x = 1) AS a"),
    ("neptune", "UNWIND [[], [1], [2, null], [null], null] AS l RETURN none(x IN l WHERE x = 1) AS a"),
    (
        "neptune",
        "MATCH (p:Person) CALL (p) { MATCH (p)-[:KNOWS]->(q) RETURN q.name AS n UNION "
        "MATCH (p)-[:LIVES_IN]->(q) RETURN q.name AS n } RETURN p.name, count(n) AS n",
    ),
    (
        "falkordb",
        "MATCH path = shortestPath((p:Person {name: 'Bo'})-[*..4]-(c:City)) RETURN length(path) AS n",
    ),
    ("falkordb", "MATCH path = allShortestPaths((p:Person)-[*..2]->(c:City)) RETURN count(path) AS n"),
    ("falkordb", "MATCH (p:Person)-[:KNOWS]-(q)-[:KNOWS]-(r) RETURN count(*) AS n"),
    ("falkordb", "MATCH (p:Person) OPTIONAL MATCH (p)-[:LIVES_IN]->(c) RETURN p.name, c.name"),
]


def rows(store: GraphStore, query: str) -> list[str]:
    """The rows in a fixed order; distances, which differ by the last digit, rounded."""
    found = store._client.fetch(query, limits=Limits()).rows
    return sorted(str([round(v, 6) if isinstance(v, float) else v for v in row]) for row in found)


@pytest.mark.parametrize("name", list(constructs()))
def test_the_embedded_server_has_what_the_data_says(store: GraphStore, name: str) -> None:
    example = constructs()[name].example
    if store.dialect.without(name) is None:
        assert rows(store, example)
    else:
        with pytest.raises(QueryRejected):
            rows(store, example)


@pytest.mark.parametrize("name", list(constructs()))
def test_falkordb_has_what_the_data_says(falkor: GraphStore, store: GraphStore, name: str) -> None:
    example = constructs()[name].example
    if name == "each_relationship":
        assert rows(falkor, example) == ["[25]"]
        assert rows(store, example) == ["[80]"]
    elif falkor.dialect.without(name) is None:
        assert rows(falkor, example)
    else:
        with pytest.raises(QueryRejected):
            rows(falkor, example)


@pytest.mark.parametrize("name", [name for name, lack in dialect("falkordb").lacks.items() if lack.rule])
def test_what_is_said_otherwise_runs_on_falkordb(falkor: GraphStore, store: GraphStore, name: str) -> None:
    example = constructs()[name].example
    found = rows(falkor, to_dialect(example, falkor.dialect))
    if construct_of_function("point.distance") != name:  # the two servers' Earths differ in size
        assert found == rows(store, example)


@pytest.mark.parametrize(("name", "construct"), REWRITINGS)
def test_what_is_said_otherwise_means_the_same(store: GraphStore, name: str, construct: str) -> None:
    example = constructs()[construct].example
    assert rows(store, to_dialect(example, dialect(name))) == rows(store, example)


@pytest.mark.parametrize(("name", "query"), MORE)
def test_longer_queries_mean_the_same_too(store: GraphStore, name: str, query: str) -> None:
    said = to_dialect(query, dialect(name))
    assert said != query
    assert rows(store, said) == rows(store, query)


def test_every_vendor_has_a_rewriting_that_was_run() -> None:
    assert {name for name, _ in REWRITINGS} == set(dialect_names()) - {OTHER, "arcadedb"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "query", ["CREATE (:A {x: 2})", "MATCH (n) DETACH DELETE n", "MATCH (n) SET n.x = 9", "MERGE (:B {y: 1})"]
)
def test_planning_writes_nothing_whoever_asks(tmp_path: Path, query: str) -> None:
    patient = Limits(seconds=60.0)
    (tmp_path / "database").mkdir()
    with ServerLease(tmp_path, writing=True) as lease:
        client = BoltClient(lease.address, "a server")
        client.fetch("CREATE (:A {x: 1})", limits=patient, write=True)
        client.plan(query, limits=patient)
        client.fetch(f"EXPLAIN {query}", limits=patient, write=True)
        assert client.fetch("MATCH (n) RETURN labels(n), n.x", limits=patient).rows == ((["A"], 1),)
        client.close()
