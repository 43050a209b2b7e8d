"""What comes out: parallel questions about one query, true to the schema and to the stored values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import pytest

from polycypher.corpus.example import Example
from polycypher.cypher.guard import check
from polycypher.cypher.lexer import Kind, tokenize
from polycypher.cypher.normalise import normalise
from polycypher.errors import SchemaError, UsageError
from polycypher.schema import GraphSchema
from polycypher.synthesis import (
    FictionalValues,
    Lexicon,
    demo_world,
    domain_world,
    domain_worlds,
    random_world,
    synthesise,
)
from polycypher.synthesis.kinds import KINDS
from polycypher.synthesis.kinds.scene import Scene
from polycypher.synthesis.language import load_language
from polycypher.synthesis.plan import Plan
from polycypher.synthesis.realise import Realiser

if TYPE_CHECKING:
    from polycypher.graph.store import GraphStore

LANGUAGES = ("en", "es", "tr", "de")
DECADE = re.compile(r">= (\d+) AND \S+ < (\d+)")


@cache
def sample(noise: float = 0.0) -> tuple[tuple[GraphSchema, Example], ...]:
    """Examples of many random worlds."""
    found = []
    for seed in range(60):
        schema, lexicon, values = random_world(seed, LANGUAGES)
        made = synthesise(schema, lexicon, values, languages=LANGUAGES, count=8, seed=seed, noise=noise)
        found.extend((schema, example) for example in made)
    return tuple(found)


def test_every_example_has_every_language() -> None:
    assert len(sample()) == 480
    for _, example in sample():
        assert tuple(example.questions) == LANGUAGES
        assert all(text.strip() == text and len(text) > 5 for text in example.questions.values())


def test_nothing_of_the_notation_is_left() -> None:
    for _, example in sample():
        for text in example.questions.values():
            assert not re.search(r"[{}\[\]<>|~]|  ", text), text


def test_spanish_questions_open_with_their_sign() -> None:
    for _, example in sample():
        text = example.questions["es"]
        assert text.count("?") == text.count("¿"), text


def test_languages_differ() -> None:
    assert all(len(set(example.questions.values())) == len(LANGUAGES) for _, example in sample())


def test_queries_are_canonical_and_pass_the_guard() -> None:
    for _, example in sample():
        assert normalise(example.cypher) == example.cypher
        assert check(example.cypher) == example.cypher


def test_queries_use_only_names_of_the_schema() -> None:
    for schema, example in sample():
        cypher = re.sub(r"'(?:\\.|[^'\\])*'", "''", example.cypher)
        assert set(re.findall(r"\(\w*:(\w+)", cypher)) <= set(schema.labels)
        assert set(re.findall(r"\[\w*:(\w+)", cypher)) <= set(schema.relationship_types)
        used = set(re.findall(r"\b[^\W\d]\w*\.(\w+)", cypher)) | set(re.findall(r"[{,] ?(\w+): ", cypher))
        assert used - {"year"} <= set(schema.properties)


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_literals_stand_in_every_question(noise: float) -> None:
    for _, example in sample(noise):
        computed = {
            found[2] for found in DECADE.finditer(example.cypher) if int(found[2]) - int(found[1]) == 10
        }
        # The bounds of LIMIT, of a path's length and of counts may be words, or not be said at all.
        shown = re.sub(r"LIMIT \d+|\*1\.\.\d+|count(\(\w+\))? \S+ \d+", "", example.cypher)
        for token in tokenize(shown):
            literal = {Kind.STRING: token.text[1:-1].replace("\\'", "'"), Kind.NUMBER: token.text}.get(
                token.kind
            )
            if literal is not None and literal not in computed:
                for text in example.questions.values():
                    assert literal in text, (literal, text)


def test_equal_seeds_give_equal_examples_and_others_do_not() -> None:
    def run(seed: int) -> list[Example]:
        return synthesise(*random_world(5, LANGUAGES), languages=LANGUAGES, count=10, seed=seed, noise=0.3)

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_the_query_does_not_depend_on_the_languages() -> None:
    for languages in (("en",), ("tr", "es"), ("de",)):
        alone = synthesise(*domain_world("movies"), languages=languages, count=1, seed=9)
        together = synthesise(*domain_world("movies"), languages=LANGUAGES, count=1, seed=9)
        assert alone[0].cypher == together[0].cypher


@pytest.mark.parametrize("maker", list(KINDS), ids=lambda maker: maker.__name__)
def test_every_kind_is_said_in_four_ways_a_language(maker: Callable[[Scene], Plan | None]) -> None:
    from random import Random

    rng = Random(11)
    schema, lexicon, values = domain_world("movies")
    scene = Scene(schema, lexicon, values, rng)
    plan = next(made for _ in range(500) if (made := maker(scene)) is not None)
    assert normalise(plan.cypher) == plan.cypher
    for code in LANGUAGES:
        realiser = Realiser(load_language(code), lexicon, rng)
        assert len({realiser.question(plan) for _ in range(80)}) >= 4


def test_kinds_are_many() -> None:
    kinds = Counter(example.source for _, example in sample())
    assert len(kinds) > 40


@pytest.mark.parametrize("name", domain_worlds())
def test_domain_worlds_speak_with_words_of_the_dictionary(name: str) -> None:
    schema, lexicon, values = domain_world(name)
    concepts = [*lexicon.labels.values(), *lexicon.properties.values(), *lexicon.relationships.values()]
    assert all(concepts)
    examples = synthesise(schema, lexicon, values, languages=LANGUAGES, count=30, seed=1)
    assert all(normalise(example.cypher) == example.cypher for example in examples)


def test_top_by_count_returns_name_and_count() -> None:
    queries = [e.cypher for _, e in sample() if e.source.endswith(":top_degree")]
    assert queries
    pattern = r"RETURN \w+\.\w+, count\((\w+)\) ORDER BY count\(\1\) DESC LIMIT \d+$"
    assert all(re.search(pattern, query) for query in queries)


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UsageError, match=r"languages/sv\.yaml"):
        synthesise(*domain_world("movies"), languages=["sv"], count=1, seed=0)


def test_a_schema_with_nothing_to_ask_is_refused() -> None:
    schema = GraphSchema({"Thing": {}})
    with pytest.raises(SchemaError, match="no label with a property"):
        synthesise(
            schema,
            Lexicon.from_dict({}, schema),
            FictionalValues(schema, {}),
            languages=["en"],
            count=1,
            seed=0,
        )


def test_names_without_a_concept_are_spoken_as_they_are() -> None:
    schema = GraphSchema.from_dict(
        {
            "node_properties": {"Zorb": {"zorbName": "STRING", "flux": "INTEGER"}},
            "relationships": [["Zorb", "BLEEPS", "Zorb"]],
        }
    )
    lexicon = Lexicon.from_dict({}, schema)
    examples = synthesise(schema, lexicon, FictionalValues(schema, {}), languages=LANGUAGES, count=40, seed=4)
    for example in examples:
        for text in example.questions.values():
            assert any(name in text.casefold() for name in ("zorb", "flux", "bleeps")), text


@pytest.mark.slow
def test_queries_about_the_demo_graph_return_rows(demo_store: GraphStore) -> None:
    schema, lexicon, values = demo_world(demo_store)
    assert schema == demo_store.schema()
    examples = synthesise(schema, lexicon, values, languages=LANGUAGES, count=200, seed=3)
    answered = [
        example
        for example in examples
        if any(cell is not None for row in demo_store.read(example.cypher).rows for cell in row)
    ]
    assert len(answered) >= 0.95 * len(examples)
