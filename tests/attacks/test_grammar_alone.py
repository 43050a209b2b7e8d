"""The first layer by itself: nothing that the grammar of a schema accepts writes or reaches out."""

from __future__ import annotations

import pytest
from attack_adversary import Adversary
from attack_corpus import NOWHERE, Attack, queries, questions, sample
from attack_generator import generated
from attack_layers import Grammar, guard_refuses, translated
from attack_oracle import findings

from polycypher.errors import PolycypherError, UsageError
from polycypher.graph.store import GraphStore
from polycypher.schema import GraphSchema
from polycypher.translator.constrain import GrammarConstraint
from polycypher.translator.translator import Translator


@pytest.fixture(scope="module")
def grammar(demo_schema: GraphSchema) -> Grammar:
    return Grammar(demo_schema)


def test_it_accepts_reading(grammar: Grammar) -> None:
    assert grammar.accepts("MATCH (m:Movie {title: 'DELETE'}) WHERE m.released > 1 RETURN m.title LIMIT 3")


def test_it_accepts_no_hostile_query(grammar: Grammar) -> None:
    attacks = [*queries(NOWHERE, "writes", "reaches"), *generated(300)]
    assert [attack.name for attack in attacks if grammar.accepts(attack.text)] == []


@pytest.mark.exhaustive
def test_it_accepts_nothing_that_is_made_of_clauses_places_and_disguises(grammar: Grammar) -> None:
    assert [attack.name for attack in generated(10_000) if grammar.accepts(attack.text)] == []


def written(schema: GraphSchema, translator: Translator, seeds: range) -> list[str]:
    """What a model that wants to write makes of the grammar, with and without strings held to a question."""
    constraint = GrammarConstraint(translator._tokenizer)
    hostile = questions()
    found = []
    for seed in seeds:
        question = hostile[seed * 37 % len(hostile)].text[:300]
        matcher = constraint.start(schema, question=question, constrain_literals=seed % 2 == 0)
        query = Adversary(translator._tokenizer, seed).write(matcher)
        found += [] if query is None else [query]
    return found


def harmless(queries: list[str]) -> None:
    assert [(query, findings(query)) for query in queries if findings(query)] == []
    assert [query for query in queries if guard_refuses(query) and "\\\\u" not in query] == []


def test_a_model_that_wants_to_write_cannot(demo_schema: GraphSchema, nano: Translator) -> None:
    found = written(demo_schema, nano, range(24))
    assert len(found) > 5
    harmless(found)


@pytest.mark.exhaustive
def test_a_model_that_wants_to_write_cannot_however_often(demo_schema: GraphSchema, nano: Translator) -> None:
    harmless(written(demo_schema, nano, range(24, 324)))


def ask_all(attacks: list[Attack], nano: Translator, store: GraphStore) -> None:
    for attack, made in translated(attacks, nano, store):
        if isinstance(made, PolycypherError):
            assert isinstance(made, UsageError), attack.name  # too long, or no letter in it
            continue
        assert not any("could not be constrained" in notice for notice in made.notices), attack.name
        if not made.complete:
            continue
        assert findings(made.cypher) == [], attack.name
        assert not guard_refuses(made.cypher) or "\\\\u" in made.cypher, attack.name


def test_hostile_questions_become_queries_that_read(nano: Translator, demo_store: GraphStore) -> None:
    ask_all(sample(questions(), 20), nano, demo_store)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
def test_all_hostile_questions_become_queries_that_read(nano: Translator, demo_store: GraphStore) -> None:
    ask_all(questions(), nano, demo_store)
