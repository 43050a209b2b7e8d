"""Paths: only between labels that the schema joins, in its direction, also where a node is named again."""

from __future__ import annotations

import pytest
from grammar_helpers import accepts
from hypothesis import given, settings
from hypothesis import strategies as st

from polycypher.schema import GraphSchema, Pattern


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (
            "MATCH (p:Person)-[:ACTED_IN]->(m:Movie) RETURN m",
            "MATCH (p:Person)<-[:ACTED_IN]-(m:Movie) RETURN m",
        ),
        (
            "MATCH (m:Movie)<-[:ACTED_IN]-(p:Person)-[:DIRECTED]->(m2:Movie) RETURN m",
            "MATCH (m:Movie)<-[:ACTED_IN]-(p:Person)<-[:DIRECTED]-(m2:Movie) RETURN m",
        ),
        (
            "MATCH (m:Movie)<-[:ACTED_IN]-()<-[:FOLLOWS]-(p:Person) RETURN m",
            "MATCH (m:Movie)<-[:ACTED_IN]-()<-[:MADE]-(f:`Film Studio`) RETURN m",
        ),
        (
            "MATCH (n)-[:MADE]->(m:Movie) RETURN n",
            "MATCH (n)-[:MADE]->(p:Person) RETURN n",
        ),
        (
            "MATCH (m:Movie) WHERE (m)<-[:DIRECTED]-(:Person) RETURN m",
            "MATCH (m:Movie) WHERE (m)<-[:DIRECTED]-(:Movie) RETURN m",
        ),
        (
            "MATCH (f:`Film Studio`)-[:SIGNED]->()-[:FOLLOWS]->(p:Person) RETURN p",
            "MATCH (f:`Film Studio`)-[:SIGNED]->()-[:MADE]->(m:Movie) RETURN m",
        ),
    ],
)
def test_a_relationship_is_written_as_the_schema_has_it(right: str, wrong: str) -> None:
    assert accepts(right)
    assert not accepts(wrong)


@pytest.mark.parametrize("arrow", ["-[:ACTED_IN]->", "<-[:ACTED_IN]-", "-[:ACTED_IN]-"])
def test_without_directions_the_ends_still_count(arrow: str) -> None:
    assert accepts(f"MATCH (p:Person){arrow}(m:Movie) RETURN m", directions=False)
    assert accepts(f"MATCH (m:Movie){arrow}(p:Person) RETURN m", directions=False)
    assert not accepts(f"MATCH (m:Movie){arrow}(f:`Film Studio`) RETURN m", directions=False)


def test_an_undirected_relationship_is_accepted_from_both_sides() -> None:
    assert accepts("MATCH (p:Person)-[:ACTED_IN]-(m:Movie) RETURN m")
    assert accepts("MATCH (m:Movie)-[:ACTED_IN]-(p:Person) RETURN m")
    assert not accepts("MATCH (m:Movie)-[:ACTED_IN]-(m2:Movie) RETURN m")


def test_a_type_without_known_ends_may_stand_anywhere() -> None:
    schema = GraphSchema({"A": {}, "B": {}}, {"TIES": {"weight": "FLOAT"}})
    assert accepts("MATCH (a:A)-[r:TIES {weight: 1.5}]->(b:B)<-[:TIES]-(b2:B) RETURN r.weight", schema)
    assert not accepts("MATCH (a:A)-[:CUTS]->(b:B) RETURN a", schema)


# ---------------------------------------------------------------------- nodes named again


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (
            "MATCH (p:Person)-[:DIRECTED]->(m:Movie) MATCH (m)<-[:ACTED_IN]-(p2:Person) RETURN p2",
            "MATCH (p:Person)-[:DIRECTED]->(m:Movie) MATCH (m)-[:ACTED_IN]->(p2:Person) RETURN p2",
        ),
        (
            "MATCH (p:Person)-[:ACTED_IN]->(m) RETURN m",
            "MATCH (p:Person)-[:ACTED_IN]->(p2) RETURN p2",
        ),
        (
            "MATCH (p:Person), (m:Movie) WHERE (p)-[:DIRECTED]->(m) RETURN p",
            "MATCH (p:Person), (m:Movie) WHERE (m)-[:DIRECTED]->(p) RETURN p",
        ),
        (
            "MATCH (m:Movie) WHERE NOT EXISTS { (m)<-[:MADE]-() } RETURN m",
            "MATCH (m:Movie) WHERE NOT EXISTS { (m)-[:MADE]->() } RETURN m",
        ),
        (
            "MATCH (p:Person) RETURN [(p)-[:ACTED_IN]->(m:Movie) | m.title]",
            "MATCH (p:Person) RETURN [(p)<-[:ACTED_IN]-(m:Movie) | m.title]",
        ),
        (
            "MATCH (p:Person) WITH p MATCH (p {name: 'Ana'})--(m:Movie) RETURN m",
            "MATCH (p:Person) WITH p MATCH (p {title: 'Ana'})--(m:Movie) RETURN m",
        ),
    ],
)
def test_a_node_named_again_is_what_its_name_says(right: str, wrong: str) -> None:
    assert accepts(right)
    assert not accepts(wrong)


def test_names_of_other_writers_say_nothing() -> None:
    query = "MATCH (a:Person)-[:DIRECTED]->(b:Movie) MATCH (b)-[:ACTED_IN]->(c) RETURN c"
    assert accepts(query, canonical_names=False)


@pytest.mark.parametrize("query", ["MATCH (p)-[:WROTE]->(n) RETURN n", "MATCH (p)-[:HAS]->(t) RETURN t"])
def test_a_letter_of_several_labels_stands_for_any_of_them(query: str) -> None:
    schema = GraphSchema(
        {"Person": {}, "Post": {}, "Tag": {}},
        {},
        (Pattern("Person", "WROTE", "Post"), Pattern("Post", "HAS", "Tag")),
    )
    assert accepts(query, schema)
    assert not accepts("MATCH (t)-[:HAS]->(p) RETURN p", schema)
    assert accepts("MATCH (p)-[:WROTE]->(p2)-[:HAS]->(t) RETURN t", schema)


def test_several_hops_and_several_types_may_lead_anywhere() -> None:
    assert accepts("MATCH (m:Movie)-[:ACTED_IN*2]-(m2:Movie) RETURN m2")
    assert accepts("MATCH (m:Movie)-[:ACTED_IN|FOLLOWS]->(p:Person) RETURN p")


LABELS = ("Ant", "Bee", "Ape", "Cat")
PATTERNS = st.builds(
    Pattern, st.sampled_from(LABELS), st.sampled_from(("EATS", "FEARS")), st.sampled_from(LABELS)
)


@settings(max_examples=40)
@given(known=st.sets(PATTERNS, min_size=1, max_size=6), asked=PATTERNS)
def test_an_edge_is_accepted_exactly_as_the_schema_has_it(known: set[Pattern], asked: Pattern) -> None:
    schema = GraphSchema({label: {} for label in LABELS}, {"EATS": {}, "FEARS": {}}, tuple(sorted(known)))
    if not any(pattern.type == asked.type for pattern in known):
        return  # a type without known ends may stand anywhere
    first, last = asked.start[0].lower(), asked.end[0].lower()
    last += "2" * (first == last)
    named = f"({first}:{asked.start})-[:{asked.type}]->({last}:{asked.end})"
    assert accepts(f"MATCH {named} RETURN {first}", schema) is (asked in known)
    back = f"({last}:{asked.end})<-[:{asked.type}]-({first}:{asked.start})"
    assert accepts(f"MATCH {back} RETURN {first}", schema) is (asked in known)
    again = f"({first}:{asked.start}), ({last}:{asked.end}) WHERE ({first})-[:{asked.type}]->({last})"
    # Ants and apes share a letter, so that their names alone do not tell them apart.
    alike = any(
        pattern.type == asked.type and pattern.start[0] == asked.start[0] and pattern.end[0] == asked.end[0]
        for pattern in known
    )
    if asked in known:
        assert accepts(f"MATCH {again} RETURN {first}", schema)
    elif not alike:
        assert not accepts(f"MATCH {again} RETURN {first}", schema)
