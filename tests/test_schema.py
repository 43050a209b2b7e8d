"""`GraphSchema`: the forms it is read from and written in, and the parts that matter to a question."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.errors import SchemaError
from polycypher.schema import GraphSchema, Pattern

MOVIES = GraphSchema(
    {
        "Person": {"name": "STRING", "born": "INTEGER"},
        "Movie": {"title": "STRING", "released": "INTEGER", "rating": "FLOAT"},
        "Genre": {},
    },
    {"ACTED_IN": {"roles": "LIST"}},
    (
        Pattern("Person", "DIRECTED", "Movie"),
        Pattern("Person", "ACTED_IN", "Movie"),
        Pattern("Movie", "HAS_GENRE", "Genre"),
        Pattern("Person", "FOLLOWS", "Person"),
    ),
)

LANGCHAIN = """Node properties:
Person {name: STRING, born: INTEGER}
Movie {title: STRING, released: INTEGER, rating: FLOAT}
Genre {}
Relationship properties:
ACTED_IN {roles: LIST}
The relationships:
(:Person)-[:ACTED_IN]->(:Movie)
(:Person)-[:DIRECTED]->(:Movie)
(:Person)-[:FOLLOWS]->(:Person)
(:Movie)-[:HAS_GENRE]->(:Genre)
"""

ENHANCED = """Node properties:
- **Person**
  - `name`: STRING Example: "Keanu: {the} **actor** (:A)"
  - `born`: INTEGER Min: 1929, Max: 1996
- **Movie**
  - `title`: STRING Available options: ['The Matrix', 'Top Gun']
  - `released`: INTEGER Min: 1975, Max: 2012
  - `rating`: FLOAT Example: "7.5"
- **Genre**
Relationship properties:
- **ACTED_IN**
  - `roles: LIST` Min Size: 1, Max Size: 6
The relationships:
(:Person)-[:ACTED_IN]->(:Movie)
(:Person)-[:DIRECTED]->(:Movie)
(:Person)-[:FOLLOWS]->(:Person)
(:Movie)-[:HAS_GENRE]->(:Genre)
"""

names = st.text(
    st.characters(categories=("Lu", "Ll", "Lo", "Nd"), include_characters="_ -"), min_size=1, max_size=8
)
types = st.sampled_from(["STRING", "INTEGER", "FLOAT", "BOOLEAN", "DATE", "LIST", "POINT", "ZONED DATETIME"])
property_maps = st.dictionaries(names, types, max_size=3)


@st.composite
def schemas(draw: st.DrawFn) -> GraphSchema:
    """Any schema whose relationship types stand in a pattern, as they do in a graph."""
    nodes = draw(st.dictionaries(names, property_maps, max_size=4))
    labels = st.sampled_from(sorted(nodes)) if nodes else names
    patterns = draw(st.lists(st.builds(Pattern, labels, names, labels), max_size=5, unique=True))
    edges = {p.type: draw(property_maps) for p in patterns if draw(st.booleans())}
    return GraphSchema(nodes, edges, tuple(patterns))


def shuffled(schema: GraphSchema, seed: int) -> GraphSchema:
    """The same schema with everything in another order."""
    order = random.Random(seed)

    def mixed(items: list[Any]) -> list[Any]:
        return order.sample(items, len(items))

    nodes = {label: dict(mixed(list(p.items()))) for label, p in mixed(list(schema.node_properties.items()))}
    edges = {
        kind: dict(mixed(list(p.items()))) for kind, p in mixed(list(schema.relationship_properties.items()))
    }
    return GraphSchema(nodes, edges, tuple(mixed(list(schema.relationships))))


# ---------------------------------------------------------------------- reading and writing


@given(schemas())
def test_json_gives_the_schema_back(schema: GraphSchema) -> None:
    again = GraphSchema.from_json(schema.to_json())
    assert again.to_dict() == schema.to_dict()
    assert again.to_prompt() == schema.to_prompt()
    assert (again.labels, again.relationship_types, again.properties) == (
        schema.labels,
        schema.relationship_types,
        schema.properties,
    )
    assert GraphSchema.from_json(again.to_json()) == again
    assert bool(again) == bool(schema)


@given(schemas(), st.integers(0, 99))
def test_order_does_not_matter(schema: GraphSchema, seed: int) -> None:
    assert shuffled(schema, seed).to_prompt() == schema.to_prompt()
    assert shuffled(schema, seed).to_json() == schema.to_json()


def test_the_prompt_s_text() -> None:
    assert MOVIES.to_prompt() == (
        "Genre()\n"
        "Movie(rating float,released int,title)\n"
        "Person(born int,name)\n"
        "ACTED_IN(roles list) Person>Movie\n"
        "DIRECTED Person>Movie\n"
        "FOLLOWS Person>Person\n"
        "HAS_GENRE Movie>Genre"
    )


def test_the_prompt_gathers_the_ends_of_a_type() -> None:
    patterns = [("B", "IN", "X"), ("A", "IN", "Y"), ("A", "IN", "X")]
    schema = GraphSchema({}, {}, tuple(Pattern(*p) for p in patterns))
    assert schema.to_prompt().splitlines()[-1] == "IN A>X|Y,B>X"


def test_a_type_that_the_prompt_has_no_short_word_for() -> None:
    assert (
        GraphSchema({"A": {"at": "LOCAL_TIME", "on": "DATE", "p": "POINT"}}).to_prompt()
        == "A(at local_time,on date,p point)"
    )


@pytest.mark.parametrize("text", [LANGCHAIN, ENHANCED], ids=["langchain", "enhanced"])
def test_the_text_forms_of_neo4j_s_tools(text: str) -> None:
    assert GraphSchema.from_neo4j_text(text).to_dict() == MOVIES.to_dict()
    assert GraphSchema.from_neo4j_text(text.replace("\n", "\r\n")).to_dict() == MOVIES.to_dict()


def test_patterns_alone_and_in_one_line() -> None:
    schema = GraphSchema.from_neo4j_text("(:Person)-[:ACTED_IN]->(:Movie), (:`Big Film`)-[:`IS A`]->(:Movie)")
    assert schema.relationships == (
        Pattern("Big Film", "IS A", "Movie"),
        Pattern("Person", "ACTED_IN", "Movie"),
    )
    assert schema.labels == ("Big Film", "Movie", "Person")


def test_types_in_any_case_and_none() -> None:
    schema = GraphSchema.from_neo4j_text("- **A**\n  - `x`: String\n  - `y`: date_time\n  - `z`\n")
    assert schema.node_properties == {"A": {"x": "STRING", "y": "DATE_TIME", "z": "STRING"}}
    assert GraphSchema.from_dict({"node_properties": {"A": {"x": "string"}}}).node_properties == {
        "A": {"x": "STRING"}
    }


@pytest.mark.parametrize(
    "text", ["", "hello", "Node properties:\nRelationship properties:\n", "Person, Movie"]
)
def test_text_without_a_schema(text: str) -> None:
    with pytest.raises(SchemaError, match="no label"):
        GraphSchema.from_neo4j_text(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[]", "object"),
        ("{}", "node_properties"),
        ('{"node_properties": []}', "another shape"),
        ('{"node_properties": {"A": ["x"]}}', "another shape"),
        ('{"node_properties": {}, "relationships": [["A", "B"]]}', "another shape"),
        ('{"node_properties": {}, "relationships": 3}', "another shape"),
        ('{"node_properties": {}, "relationship_properties": null}', "another shape"),
    ],
)
def test_damaged_json(text: str, said: str) -> None:
    with pytest.raises(SchemaError, match=said) as caught:
        GraphSchema.from_json(text)
    assert "\n" not in str(caught.value)


def test_other_keys_and_repeated_patterns_are_ignored() -> None:
    value = {**MOVIES.to_dict(), "database": "movies"}
    value["relationships"] = value["relationships"] * 2
    assert GraphSchema.from_dict(json.loads(json.dumps(value))).to_dict() == MOVIES.to_dict()


def test_an_empty_graph_is_false() -> None:
    assert not GraphSchema({})
    assert GraphSchema({"A": {}})
    assert GraphSchema({}, {}, (Pattern("A", "R", "B"),))


# ---------------------------------------------------------------------- pruning


def test_restrict_keeps_what_lies_between_the_labels() -> None:
    part = MOVIES.restrict(["Person", "Movie"])
    assert part.labels == ("Movie", "Person")
    assert part.relationship_types == ("ACTED_IN", "DIRECTED", "FOLLOWS")
    assert part.relationship_properties == {"ACTED_IN": {"roles": "LIST"}}
    alone = MOVIES.restrict(["Movie"])
    assert (alone.labels, alone.relationships, dict(alone.relationship_properties)) == (("Movie",), (), {})


def test_restrict_to_properties_of_some_labels() -> None:
    part = MOVIES.restrict(["Person", "Movie"], {"Movie": ["title", "no such"]})
    assert part.node_properties == {"Person": MOVIES.node_properties["Person"], "Movie": {"title": "STRING"}}


@given(schemas(), st.randoms(use_true_random=False))
def test_restrict_never_invents(schema: GraphSchema, chooser: random.Random) -> None:
    labels = [label for label in schema.labels if chooser.random() < 0.5]
    part = schema.restrict(labels)
    assert set(part.labels) <= set(labels)
    assert set(part.relationships) == {p for p in schema.relationships if {p.start, p.end} <= set(labels)}
    assert schema.restrict(schema.labels).to_dict() == schema.to_dict()


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("How many movies are there?", "Movie"),
        ("List every genre", "Genre"),
        ("GENRES, please", "Genre"),
        ("Which persons were born in 1970?", "Person"),
        ("What was released in 1999?", "Movie"),  # by a property alone
    ],
)
def test_the_label_that_a_question_names_comes_first(question: str, first: str) -> None:
    score = MOVIES.relevance(question)
    assert set(score) == set(MOVIES.labels)
    assert max(score, key=lambda label: score[label]) == first


def test_both_ends_of_a_named_type_and_neighbours_score() -> None:
    directed = MOVIES.relevance("Who directed the most?")
    assert directed["Person"] == directed["Movie"] > 0
    beside = MOVIES.relevance("How many genres?")
    assert beside["Genre"] > beside["Movie"] > beside["Person"] == 0


def test_a_question_in_another_script_scores_nothing_and_does_not_fail() -> None:
    assert set(MOVIES.relevance("有多少部电影？ 🎬").values()) == {0.0}
    assert set(MOVIES.relevance("").values()) == {0.0}
