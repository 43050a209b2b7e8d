"""A query in another vendor's Cypher: what it becomes, what is refused, and that nothing else changes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polycypher.cypher.dialect import Dialect, constructs, dialect, dialect_names
from polycypher.cypher.dialect_edits import ADDED
from polycypher.cypher.dialect_rewrite import to_dialect
from polycypher.cypher.guard import check
from polycypher.cypher.lexer import Kind, tokenize
from polycypher.cypher.words import WRITING
from polycypher.errors import QueryRejected

MEMGRAPH = dialect("memgraph", (3, 12))
FALKORDB = dialect("falkordb")
NEPTUNE = dialect("neptune")
NEO4J = dialect("neo4j", (5, 26))

PLAIN = [
    "MATCH (p:Person {name: 'Ada'}) WHERE p.born > 1900 RETURN p.name, count(*) ORDER BY p.name LIMIT 3",
    "MATCH (p:Person)-[r:ACTED_IN]->(m:Movie) WHERE r.role = 'x' OR m.title STARTS WITH 'A' RETURN p",
    "UNWIND [1, 2] AS x WITH x WHERE x > 1 RETURN collect(x)",
]


@pytest.mark.parametrize("name", dialect_names())
@pytest.mark.parametrize("query", PLAIN)
def test_what_every_server_understands_stays_as_it_is(name: str, query: str) -> None:
    assert to_dialect(query, dialect(name)) == query


REWRITTEN = [
    (FALKORDB, "MATCH (n:A) RETURN elementId(n)", "MATCH (n:A) RETURN toString(id(n))"),
    (NEPTUNE, "MATCH (n:A) RETURN elementId(n)", "MATCH (n:A) RETURN id(n)"),
    (NEO4J, "MATCH (n) WHERE exists(n.x) RETURN n", "MATCH (n) WHERE (n.x IS NOT NULL) RETURN n"),
    (NEO4J, "RETURN distance($a, $b)", "RETURN point.distance($a, $b)"),
    (FALKORDB, "RETURN point . distance($a, $b)", "RETURN distance($a, $b)"),
    (MEMGRAPH, "RETURN isEmpty($x)", "RETURN (size($x) = 0)"),
    (MEMGRAPH, "RETURN timestamp()", "RETURN (timestamp() / 1000)"),
    (NEPTUNE, "RETURN 'a' || 'b'", "RETURN 'a' + 'b'"),
    (FALKORDB, "RETURN nullIf($a, 1 + 2)", "RETURN CASE WHEN ($a) = (1 + 2) THEN null ELSE ($a) END"),
    (
        NEPTUNE,
        "MATCH (p) RETURN COUNT { (p)-[:R]->(q:B) WHERE q.x > 1 } AS n",
        "MATCH (p) RETURN size([(p)-[:R]->(q:B) WHERE q.x > 1 | 1]) AS n",
    ),
    (
        NEPTUNE,
        "MATCH (p) WHERE NOT EXISTS { MATCH (p)-[:R]->() RETURN p } RETURN p",
        "MATCH (p) WHERE NOT (size([(p)-[:R]->() | 1]) > 0) RETURN p",
    ),
    (
        NEPTUNE,
        "MATCH (p) RETURN COLLECT { MATCH (p)-->(q) WHERE q.x = 1 RETURN q.name AS n } AS names",
        "MATCH (p) RETURN [(p)-->(q) WHERE q.x = 1 | q.name] AS names",
    ),
    (
        NEPTUNE,
        "MATCH (a) CALL (a) { MATCH (a)-->(b) RETURN b UNION ALL MATCH (a)<--(b) RETURN b } RETURN a, b",
        "MATCH (a) CALL { WITH a MATCH (a)-->(b) RETURN b UNION ALL WITH a MATCH (a)<--(b) RETURN b } "
        "RETURN a, b",
    ),
    (NEPTUNE, "CALL () { RETURN 1 AS x } RETURN x", "CALL { RETURN 1 AS x } RETURN x"),
    (NEPTUNE, "MATCH (n:A|B) RETURN n", "MATCH (n) WHERE (n:A OR n:B) RETURN n"),
    (
        NEPTUNE,
        "MATCH (n:A|B {x: 1})-[r]->(:C) WHERE n.y > 1 OR n.y < 0 RETURN n",
        "MATCH (n {x: 1})-[r]->(:C) WHERE (n:A OR n:B) AND (n.y > 1 OR n.y < 0) RETURN n",
    ),
    (NEPTUNE, "MATCH (n)-->(:A|B) RETURN n", "MATCH (n)-->(any_1) WHERE (any_1:A OR any_1:B) RETURN n"),
    (NEPTUNE, "MATCH (n:A&!(B|C)) RETURN n", "MATCH (n) WHERE (n:A AND NOT (n:B OR n:C)) RETURN n"),
    (NEPTUNE, "MATCH (n) WHERE n:A|B RETURN n", "MATCH (n) WHERE (n:A OR n:B) RETURN n"),
    (NEPTUNE, "MATCH ()-[r:!T]->() RETURN r", "MATCH ()-[r]->() WHERE NOT type(r) = 'T' RETURN r"),
    (
        NEPTUNE,
        "MATCH (n) OPTIONAL MATCH (n)-->(m:A|B) RETURN n, m",
        "MATCH (n) OPTIONAL MATCH (n)-->(m) WHERE (m:A OR m:B) RETURN n, m",
    ),
    (
        NEPTUNE,
        "MATCH (p) RETURN COUNT { (p)-->(:A|B) } AS n",
        "MATCH (p) RETURN size([(p)-->(any_1) WHERE (any_1:A OR any_1:B) | 1]) AS n",
    ),
    (
        NEPTUNE,
        "MATCH (n:A WHERE n.x > 1 OR n.y)-->(m) WHERE m.z RETURN n",
        "MATCH (n:A)-->(m) WHERE (n.x > 1 OR n.y) AND (m.z) RETURN n",
    ),
    (
        MEMGRAPH,
        "MATCH p = shortestPath((a:A {x: 1})-[r:R|S*1..5]-(b:B)) RETURN length(p)",
        "MATCH p = (a:A {x: 1})-[r:R|S *BFS ..5]-(b:B) RETURN length(p)",
    ),
    (
        MEMGRAPH,
        "MATCH p = allShortestPaths((a)-[:R*]->(b)) RETURN p",
        "MATCH p = (a)-[:R *ALLSHORTEST (any_1, any_2 | 1)]->(b) RETURN p",
    ),
    (
        FALKORDB,
        "MATCH p = shortestPath((a:A {x: 1})-[:R*..5]-({y: 2})) WHERE length(p) > 1 RETURN p",
        "MATCH (a:A {x: 1}), (any_1 {y: 2}) CALL { WITH a, any_1 "
        "MATCH p = allShortestPaths((a)-[:R*..5]-(any_1)) RETURN p LIMIT 1 } "
        "WITH * WHERE length(p) > 1 RETURN p",
    ),
    (
        FALKORDB,
        "MATCH p = allShortestPaths((a:A)-[*]->(b:B)) WHERE length(p) > 1 RETURN p",
        "MATCH (a:A), (b:B) WITH * MATCH p = allShortestPaths((a)-[*]->(b)) WHERE length(p) > 1 RETURN p",
    ),
    (
        FALKORDB,
        "MATCH (p:A) WHERE EXISTS { (p)-[:R]->(c:B) } AND p.x > 1 RETURN p",
        "MATCH (p:A) WHERE (p)-[:R]->(:B) AND p.x > 1 RETURN p",
    ),
    (
        FALKORDB,
        "MATCH (p:A) WHERE COUNT { (p)-[:R]->() } > 2 AND p.x > 1 RETURN p",
        "MATCH (p:A) WITH *, size([(p)-[:R]->() | 1]) AS any_1 WHERE any_1 > 2 AND p.x > 1 RETURN p",
    ),
    (
        FALKORDB,
        "MATCH (a)-[:R]->(b)<-[:R]-(c)-->(d) RETURN count(*)",
        "MATCH (a)-[any_1:R]->(b)<-[any_2:R]-(c)-[any_3]->(d) WHERE id(any_1) <> id(any_2) "
        "AND id(any_1) <> id(any_3) AND id(any_2) <> id(any_3) RETURN count(*)",
    ),
    (
        FALKORDB,
        "MATCH (a)-[r:R]->(b)-[:S*1..2]->(c) WHERE a.x = 1 OR b.x = 2 RETURN count(*)",
        "MATCH (a)-[r:R]->(b)-[any_1:S*1..2]->(c) WHERE r IS NOT NULL AND any_1 IS NOT NULL "
        "AND (a.x = 1 OR b.x = 2) RETURN count(*)",
    ),
]


@pytest.mark.parametrize(("target", "query", "wanted"), REWRITTEN)
def test_a_construct_is_said_otherwise(target: Dialect, query: str, wanted: str) -> None:
    assert to_dialect(check(query), target) == wanted


def test_list_predicates_keep_what_null_makes_of_them() -> None:
    said = to_dialect("RETURN any(x IN $l WHERE x > 1)", NEPTUNE)
    assert said == (
        "RETURN CASE WHEN ($l) IS NULL THEN null WHEN size([x IN $l WHERE x > 1]) > 0 THEN true "
        "WHEN size([x IN $l WHERE (x > 1) IS NULL]) > 0 THEN null ELSE false END"
    )


REFUSED = [
    (
        MEMGRAPH,
        "MATCH (n) RETURN percentileCont(n.x, 0.5)",
        "Memgraph has no percentileCont.*; order the values",
    ),
    (NEPTUNE, "RETURN reduce(s = 0, x IN [1] | s + x)", "Neptune has no reduce.* at character 8; use UNWIND"),
    (
        NEPTUNE,
        "MATCH p = shortestPath((a)-[*]-(b)) RETURN p",
        "no shortestPath.*match paths of a few lengths",
    ),
    (FALKORDB, "MATCH (n) WHERE n.x =~ 'a.*' RETURN n", "FalkorDB has no `=~` .*use CONTAINS"),
    (NEPTUNE, "MATCH (p) RETURN COUNT { (p)-->(q), (q)-->(r) }", "it holds several patterns"),
    (NEPTUNE, "MATCH (p) RETURN COUNT { (n:A) }", "its pattern has no relationship"),
    (NEPTUNE, "MATCH (p) RETURN COUNT { MATCH (p)-->(q) RETURN DISTINCT q.x }", "it holds DISTINCT"),
    (NEPTUNE, "MATCH (p) RETURN COUNT { MATCH (p)-->(q) RETURN 1 + sum(q.x) }", r"it holds sum\(\)"),
    (NEPTUNE, "MATCH (p) RETURN COLLECT { MATCH (p)-->(q) RETURN q.x LIMIT 1 }", "it holds LIMIT"),
    (NEPTUNE, "MATCH (p) RETURN COUNT { MATCH (p)-->(q) MATCH (q)-->(r) }", "it holds MATCH"),
    (NEPTUNE, "MATCH (p) RETURN COUNT { UNWIND [1] AS x RETURN x }", "does not begin with a pattern"),
    (NEPTUNE, "MATCH (n)-->(:A|B) RETURN *", r"needs a variable, which `\*` would show"),
    (NEPTUNE, "MATCH (n) WHERE (n)-->(:A|B) RETURN n", "a pattern without a WHERE of its own"),
    (NEPTUNE, "MATCH (a) CALL (*) { RETURN 1 AS x } RETURN x", r"takes over all variables by `\*`"),
    (MEMGRAPH, "MATCH (a), (b) RETURN length(shortestPath((a)-[*]-(b)))", "not the pattern of a MATCH"),
    (MEMGRAPH, "MATCH p = shortestPath((a)-[:R*2..3]-(b)) RETURN p", "its length has a lower limit"),
    (MEMGRAPH, "MATCH p = shortestPath((a)-[:R*3]-(b)) RETURN p", "its length is fixed"),
    (MEMGRAPH, "RETURN btrim('xax', 'x')", "it has several arguments"),
    (
        FALKORDB,
        "OPTIONAL MATCH (p) WHERE COUNT { (p)-[:R]->() } > 2 RETURN p",
        "cannot be computed before it",
    ),
    (FALKORDB, "MATCH (p) RETURN p.x ORDER BY COUNT { (p)-[:R]->() }", "nothing can be computed before it"),
]


@pytest.mark.parametrize(("target", "query", "reason"), REFUSED)
def test_what_cannot_be_said_exactly_is_refused_with_advice(target: Dialect, query: str, reason: str) -> None:
    with pytest.raises(QueryRejected, match=reason) as caught:
        to_dialect(check(query), target)
    assert "\n" not in str(caught.value)


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from([c.example for c in constructs().values()]), min_size=1, max_size=3),
    st.sampled_from([MEMGRAPH, FALKORDB, NEPTUNE, NEO4J, dialect("neo4j", (5, 0)), dialect("arcadedb")]),
)
def test_no_word_comes_in_that_the_rules_do_not_add(examples: list[str], target: Dialect) -> None:
    query = " UNION ALL ".join(examples)
    try:
        said = to_dialect(query, target)
    except QueryRejected:
        return
    before = {token.text.lower() for token in tokenize(query)}
    for token in tokenize(said):
        if token.kind is Kind.NAME and token.text.lower() not in before:
            assert token.text.lower() in ADDED or token.text.startswith("any_")
            assert token.text.upper() not in WRITING


@pytest.mark.parametrize("name", [name for name in dialect_names() if name != "memgraph"])
def test_the_guard_reads_what_comes_out(name: str) -> None:
    for construct in constructs().values():
        try:
            said = to_dialect(construct.example, dialect(name))
        except QueryRejected:
            continue
        assert check(said) == said


def test_words_in_strings_and_names_are_no_constructs() -> None:
    query = "MATCH (n:`COUNT { }`) WHERE n.x = 'elementId(n) =~ COUNT { (a)-->(b) }' RETURN n.`shortestPath`"
    assert to_dialect(query, NEPTUNE) == query
