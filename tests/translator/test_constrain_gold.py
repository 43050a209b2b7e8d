"""What a model writes when it is right: every gold query is allowed, token by token, by the real tokenizer.

Gold queries are the synthesiser's, on the demo graph with its stored values and on random worlds; questions
in all languages, so that values carry Turkish suffixes and Spanish accents.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from polycypher.corpus.example import Example
from polycypher.cypher.lexer import quote_string
from polycypher.cypher.normalise import normalise
from polycypher.schema import GraphSchema
from polycypher.synthesis import demo_world, random_world, synthesise
from polycypher.translator.bundle import Manifest, find_bundle
from polycypher.translator.constrain import GrammarConstraint
from polycypher.translator.grounding import Homes, candidates, grounded

if TYPE_CHECKING:
    from polycypher.graph.store import GraphStore

LANGUAGES = ("en", "es", "tr", "de")


@lru_cache
def _nano() -> tuple[PreTrainedTokenizerFast, GrammarConstraint]:
    folder = find_bundle("nano")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / Manifest.load(folder).base)
    return tokenizer, GrammarConstraint(tokenizer)


def refused(query: str, schema: GraphSchema, question: str, stored: Homes | None = None) -> str | None:
    """The beginning of the query up to the token that is not allowed; None if all are, and the end."""
    tokenizer, constraint = _nano()
    names = (*schema.labels, *schema.relationship_types, *schema.properties)
    homes = grounded(question, stored, names) if stored else None
    matcher = constraint.start(schema, question=question, values=tuple(homes or ()), homes=homes)
    taken: list[int] = []
    for token in (*tokenizer.encode(query, add_special_tokens=False), tokenizer.eos_token_id):
        taken.append(token)
        if not matcher.mask()[token]:
            return str(tokenizer.decode(taken))
        matcher.advance(token)
    return None if matcher.constrained else "the constraint was given up"


def _check(examples: list[Example], schema: GraphSchema, store: GraphStore | None = None) -> None:
    for example in examples:
        for question in example.questions.values():
            stored = store.stored(question, candidates(question)) if store is not None else None
            query = normalise(example.cypher)
            assert refused(query, schema, question, stored) is None, (question, query)


@pytest.mark.slow
def test_gold_about_the_demo_graph_is_allowed(demo_store: GraphStore) -> None:
    schema, lexicon, values = demo_world(demo_store)
    made = synthesise(schema, lexicon, values, languages=LANGUAGES, count=40, seed=11)
    _check(made, demo_store.schema(), demo_store)


@settings(max_examples=12)
@given(seed=st.integers(0, 10**6))
def test_gold_about_a_random_world_is_allowed(seed: int) -> None:
    schema, lexicon, values = random_world(seed, LANGUAGES)
    made = synthesise(schema, lexicon, values, languages=LANGUAGES, count=4, seed=seed, noise=0.2)
    _check(made, schema)


VALUES = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp"))
    | st.sampled_from("İıŞşĞğñÑáü¿'\"\\ -日本語🎬👩‍🚀éß"),
    min_size=1,
    max_size=24,
)
FILMS = GraphSchema({"Movie": {"title": "STRING", "taglines": "LIST"}})


@settings(max_examples=80)
@given(text=VALUES)
def test_any_text_of_the_question_is_allowed_in_any_script(text: str) -> None:
    query = f"MATCH (m:Movie {{title: {quote_string(text)}}}) RETURN m.title"
    assert refused(query, FILMS, f"Who knows '{text}'?") is None


@settings(max_examples=40)
@given(text=VALUES)
def test_any_stored_text_is_allowed_at_its_property(text: str) -> None:
    query = f"MATCH (m:Movie {{title: {quote_string(text)}}}) RETURN m.title"
    stored = {text: frozenset({("Movie", "title")})}
    assert refused(query, FILMS, f"Who knows '{text}'?", stored) is None
