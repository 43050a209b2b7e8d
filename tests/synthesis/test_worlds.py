"""Worlds: schemas, lexicons and values fit together."""

from __future__ import annotations

from random import Random

import pytest

from polycypher.errors import SchemaError, UsageError
from polycypher.schema import GraphSchema, Pattern
from polycypher.synthesis import GraphValues, Lexicon, demo_world, domain_world, domain_worlds, random_world
from polycypher.synthesis.lexicon import guess_main
from polycypher.synthesis.random_world import style
from polycypher.synthesis.values import Step

LANGUAGES = ("en", "es", "tr", "de")


def test_random_worlds_differ_and_repeat() -> None:
    assert random_world(1, LANGUAGES)[0] == random_world(1, LANGUAGES)[0]
    assert len({random_world(seed, LANGUAGES)[0].to_prompt() for seed in range(50)}) == 50


def test_random_worlds_can_be_asked_about() -> None:
    for seed in range(100):
        schema, lexicon, _ = random_world(seed, LANGUAGES)
        assert 3 <= len(schema.labels) <= 7
        assert set(lexicon.main) == set(schema.labels)
        assert all(schema.node_properties[label][name] == "STRING" for label, name in lexicon.main.items())
        assert set(lexicon.relationships) == set(schema.relationships)


def test_some_names_are_invented() -> None:
    worlds = [random_world(seed, LANGUAGES)[1] for seed in range(60)]
    for part in ("labels", "properties", "relationships"):
        concepts = [concept for lexicon in worlds for concept in getattr(lexicon, part).values()]
        assert 0.03 < concepts.count(None) / len(concepts) < 0.4


def test_one_relationship_type_has_one_meaning() -> None:
    for seed in range(60):
        meanings: dict[str, set[str | None]] = {}
        for pattern, concept in random_world(seed, LANGUAGES)[1].relationships.items():
            meanings.setdefault(pattern.type, set()).add(concept)
        assert all(len(found) == 1 for found in meanings.values())


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("pascal", "ReleaseYear"),
        ("camel", "releaseYear"),
        ("snake", "release_year"),
        ("upper", "RELEASE_YEAR"),
    ],
)
def test_naming_styles(wanted: str, name: str) -> None:
    assert style("release year", wanted) == style("release_year", wanted) == name


def test_domain_worlds_are_many() -> None:
    assert {"movies", "shop", "network", "companies", "social", "library", "football", "hospital"} <= set(
        domain_worlds()
    )


def test_an_unknown_world_is_named() -> None:
    with pytest.raises(UsageError, match="no world 'mars'"):
        domain_world("mars")


def test_the_demo_world_is_the_film_graph() -> None:
    schema, lexicon, _ = demo_world()
    assert schema.to_prompt() == (
        "Movie(released int,tagline,title)\nPerson(born int,name)\nACTED_IN(roles list) Person>Movie\n"
        "DIRECTED Person>Movie\nFOLLOWS Person>Person\nPRODUCED Person>Movie\n"
        "REVIEWED(rating int,summary) Person>Movie\nWROTE Person>Movie"
    )
    assert lexicon.main == {"Movie": "title", "Person": "name"}


ACTED = Pattern("Person", "ACTED_IN", "Movie")
GRAPH = GraphValues(
    {"Person": [{"name": "A"}, {"name": "B"}], "Movie": [{"title": "X"}]},
    {ACTED: [(0, {"roles": ["r"]}, 0), (1, {"roles": ["s"]}, 0)]},
)


def test_a_walk_follows_relationships_that_exist() -> None:
    walk = GRAPH.walk([Step(ACTED, True), Step(ACTED, False)], Random(0))
    assert walk is not None
    first, movie, last = walk.nodes
    assert movie["title"] == "X"
    assert {first["name"], last["name"]} == {"A", "B"}


def test_no_walk_where_there_is_none() -> None:
    assert GRAPH.walk([Step(Pattern("Person", "DIRECTED", "Movie"), True)], Random(0)) is None
    assert GRAPH.walk([Step(ACTED, True), Step(ACTED, False), Step(ACTED, True)], Random(0)) is None


@pytest.mark.parametrize(
    ("properties", "main"),
    [
        ({"born": "INTEGER", "name": "STRING"}, "name"),
        ({"productID": "STRING", "productName": "STRING"}, "productName"),
        ({"id": "INTEGER", "text": "STRING"}, "id"),
        ({"ip": "STRING", "size": "INTEGER"}, "ip"),
        ({"size": "INTEGER"}, "size"),
    ],
)
def test_the_main_property_is_guessed(properties: dict[str, str], main: str) -> None:
    assert guess_main(properties) == main


def test_a_lexicon_for_another_schema_is_refused() -> None:
    with pytest.raises(SchemaError, match="label 'Ship'"):
        Lexicon.from_dict(
            {"labels": {"Ship": {"concept": "ship"}}}, GraphSchema({"Movie": {"title": "STRING"}})
        )
