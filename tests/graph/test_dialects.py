"""Servers of other vendors at the wire: whose they are, what is sent to them, what their failures mean."""

from __future__ import annotations

import pytest
from fake_bolt import Failure, FakeBolt

from polycypher.errors import GraphError, GraphUnavailable, QueryRejected
from polycypher.graph.connect import connect

MEMGRAPH = "Neo4j/v5.11.0 compatible graph database server - Memgraph"
COUNTING = "MATCH (p:Person) RETURN COUNT { (p)-[:KNOWS]->() } AS n"


def test_memgraph_is_known_by_its_name_and_asked_for_its_version() -> None:
    with FakeBolt(MEMGRAPH, {"SHOW VERSION": (("version",), (("3.12.0",),))}) as server:
        with connect(server.uri()) as store:
            assert (store.dialect.name, store.dialect.version) == ("memgraph", (3, 12, 0))
        assert server.queries == ["RETURN 1 AS one", "SHOW VERSION"]
        assert not any("db" in extra for extra in server.extras)  # it has no names of databases


@pytest.mark.parametrize(
    ("version", "sent"),
    [("3.12.0", "MATCH (p:Person) RETURN size([(p)-[:KNOWS]->() | 1]) AS n"), ("3.14.0", COUNTING)],
)
def test_a_query_goes_out_in_the_words_of_the_version(version: str, sent: str) -> None:
    answers = {"SHOW VERSION": (("version",), ((version,),)), "MATCH": (("n",), ((4,),))}
    with FakeBolt(MEMGRAPH, answers) as server, connect(server.uri()) as store:
        result = store.read(COUNTING)
        assert result.rows == ((4,),)
        assert server.queries[-1] == sent
        assert result.query == ("" if sent == COUNTING else sent)


def test_a_version_that_is_not_told_is_taken_for_an_old_one() -> None:
    with FakeBolt(MEMGRAPH) as server, connect(server.uri()) as store:
        assert (store.dialect.name, store.dialect.version) == ("memgraph", ())
        assert store.dialect.without("count_subquery") is not None


def test_a_shortest_path_becomes_memgraph_s_own() -> None:
    with FakeBolt(MEMGRAPH, {"MATCH": (("p",), ())}) as server, connect(server.uri()) as store:
        store.read("MATCH p = shortestPath((a:A {x: 1})-[:R*]-(b:B {x: 2})) RETURN p")
        assert server.queries[-1] == "MATCH p = (a:A {x: 1})-[:R *BFS]-(b:B {x: 2}) RETURN p"


def test_a_query_is_planned_before_it_runs_where_that_is_asked_for() -> None:
    answers = {"MATCH": (("n",), ((4,),)), "EXPLAIN MATCH": ((), ())}
    with FakeBolt("Neo4j/5.26.0", answers) as server, connect(server.uri()) as store:
        assert store.read("MATCH (n) RETURN count(n) AS n", explain=True).rows == ((4,),)
        assert server.queries[1:] == [
            "EXPLAIN MATCH (n) RETURN count(n) AS n",
            "MATCH (n) RETURN count(n) AS n",
        ]


def test_a_query_that_cannot_be_planned_never_runs() -> None:
    refusal = Failure("Neo.ClientError.Statement.SyntaxError", "Variable `x` not defined")
    with FakeBolt("Neo4j/5.26.0", {"EXPLAIN": refusal, "MATCH": (("n",), ())}) as server:
        with connect(server.uri()) as store, pytest.raises(QueryRejected, match="Variable `x` not defined"):
            store.read("MATCH (n) RETURN x", explain=True)
        assert server.queries[-1] == "EXPLAIN MATCH (n) RETURN x"


def test_a_server_that_cannot_plan_alone_is_not_asked_to() -> None:
    with FakeBolt("Neptune/1.4.5.1", {"MATCH": (("x",), ())}) as server, connect(server.uri()) as store:
        assert store.dialect.name == "neptune"
        store.read("MATCH (n:A|B) RETURN elementId(n) AS x", explain=True)
        assert server.queries[1:] == ["MATCH (n) WHERE (n:A OR n:B) RETURN id(n) AS x"]


def test_a_server_behind_another_name_is_asked_what_it_is() -> None:
    components = {"CALL dbms.components()": (("name", "versions"), (("Neo4j Kernel", ["5.5.0"]),))}
    with FakeBolt("A proxy", components) as server, connect(server.uri()) as store:
        assert (store.dialect.name, store.dialect.version) == ("neo4j", (5, 5, 0))


def test_to_a_server_that_nothing_is_known_of_a_query_goes_as_it_is() -> None:
    with FakeBolt("Something/1", {"MATCH": (("n",), ((1,),))}) as server, connect(server.uri()) as store:
        assert store.dialect.name == "other"
        assert store.read(COUNTING).rows == ((1,),)
        assert server.queries[-1] == COUNTING


def test_what_a_vendor_s_cypher_cannot_say_is_refused_before_it_is_sent() -> None:
    with FakeBolt(MEMGRAPH) as server, connect(server.uri()) as store:
        with pytest.raises(QueryRejected, match="Memgraph has no percentileCont"):
            store.read("MATCH (n) RETURN percentileCont(n.x, 0.5)")
        assert not any("percentile" in query for query in server.queries)


def test_a_vendor_s_refusal_is_a_refusal_and_its_being_busy_is_not() -> None:
    answers = {
        "MATCH (a)": Failure("Memgraph.ClientError.MemgraphError.MemgraphError", "Unbound variable: x."),
        "MATCH (b)": Failure(
            "Memgraph.TransientError.MemgraphError.MemgraphError", "Cannot resolve conflict"
        ),
    }
    with FakeBolt(MEMGRAPH, answers) as server, connect(server.uri()) as store:
        with pytest.raises(QueryRejected, match=r"Unbound variable: x\."):
            store.read("MATCH (a) RETURN x")
        with pytest.raises(GraphUnavailable, match="too busy"):
            store.read("MATCH (b) RETURN b")


def test_routing_at_a_server_without_it_names_the_scheme_to_use() -> None:
    with FakeBolt(MEMGRAPH) as server:
        with pytest.raises(GraphError, match=r"one server alone, .* bolt://"):
            connect(server.uri("neo4j"))
        assert server.routes
