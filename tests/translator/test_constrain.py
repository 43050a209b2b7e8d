"""Masks from a grammar and a tokenizer: what may come next, when a query may end, and giving up."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from polycypher.cypher import guard
from polycypher.cypher.lexer import quote_name, tokenize
from polycypher.cypher.syntax import Role, read_structure
from polycypher.errors import ModelError, SchemaError
from polycypher.schema import GraphSchema, Pattern
from polycypher.translator.constrain import GrammarConstraint, QueryMatcher

SCHEMA = GraphSchema(
    {
        "Person": {"name": "STRING", "born": "DATE"},
        "Movie": {"title": "STRING"},
        "Film Set": {"lot-no": "INTEGER"},
    },
    {"ACTED_IN": {"roles": "LIST"}},
    (Pattern("Person", "ACTED_IN", "Movie"), Pattern("Movie", "SHOT_ON", "Film Set")),
)
TEXTS = (
    "MATCH (p:Person)-[r:ACTED_IN]->(m:Movie) WHERE m.title = 'Kış Uykusu' RETURN p.name, count(m)",
    "MATCH (m:Movie)-[:SHOT_ON]->(f:`Film Set`) WHERE f.`lot-no` IN [1, 2] AND NOT m.title IS NULL",
    "CALL { OPTIONAL MATCH (n) RETURN n UNION ALL UNWIND [1] AS x RETURN x } WITH DISTINCT n AS value",
    "RETURN CASE WHEN EXISTS { (p) } THEN 1 ELSE NULL END ORDER BY p.born.year DESC SKIP 1 LIMIT 3",
    "CREATE MERGE SET DELETE REMOVE",
)


def _tokenizer(**special: str) -> PreTrainedTokenizerFast:
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=["<start>", "<end>", "<turn>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train_from_iterator(TEXTS * 3, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=trained, **special)


TOKENIZER = _tokenizer(bos_token="<start>", eos_token="<end>")
END = int(TOKENIZER.eos_token_id)
PADDED = len(TOKENIZER) + 29


@pytest.fixture(scope="module")
def constraint() -> GrammarConstraint:
    return GrammarConstraint(TOKENIZER, vocab_size=PADDED)


def follow(matcher: QueryMatcher, text: str) -> Iterator[torch.Tensor]:
    """The mask before each token of `text`, and the one after all; each token must be allowed."""
    for token in TOKENIZER.encode(text, add_special_tokens=False):
        mask = matcher.mask()
        assert mask[token], f"{TOKENIZER.decode([token])!r} of {text!r}"
        yield mask
        matcher.advance(token)
    yield matcher.mask()


def allowed(matcher: QueryMatcher, text: str) -> bool:
    try:
        return bool(list(follow(matcher, text))[-1][END])
    except AssertionError:
        return False


# ---------------------------------------------------------------------- masks


def test_a_mask_is_as_long_as_the_model_is_wide(constraint: GrammarConstraint) -> None:
    mask = constraint.start(SCHEMA).mask()
    assert mask.shape == (PADDED,)
    assert mask.dtype == torch.bool
    assert not mask[len(TOKENIZER) :].any()
    assert GrammarConstraint(TOKENIZER).start(SCHEMA).mask().shape == (len(TOKENIZER),)


def test_the_end_is_allowed_exactly_where_the_query_is_complete(constraint: GrammarConstraint) -> None:
    text = "MATCH (p:Person) WHERE p.name = 'RETURN p' RETURN (p.name)"
    masks = list(follow(constraint.start(SCHEMA, constrain_literals=False), text))
    assert [bool(mask[END]) for mask in masks] == [False] * (len(masks) - 1) + [True]


@pytest.mark.parametrize(
    "text",
    [
        "MATCH (p:Person)-[r:ACTED_IN]->(m:Movie) WHERE m.title = 'Kış Uykusu' RETURN p.name, count(m)",
        "MATCH (m:Movie {title: 'Kış'})-[:SHOT_ON]->(f:`Film Set`) RETURN f.`lot-no` ORDER BY m.title",
    ],
)
@pytest.mark.parametrize("literals", [True, False])
def test_a_token_is_allowed_exactly_where_the_mask_has_it(
    constraint: GrammarConstraint, text: str, literals: bool
) -> None:
    """`allows` may leave it to the mask, but only where the mask gives something up."""
    matcher = constraint.start(SCHEMA, question="Who acted in Kış Uykusu?", constrain_literals=literals)
    for token in [*TOKENIZER.encode(text, add_special_tokens=False), END]:
        asked = [matcher.allows(one) for one in range(PADDED)]
        assert asked == matcher.mask().tolist()
        assert asked[token]
        matcher.advance(token)
    assert [matcher.allows(one) for one in range(PADDED)] == matcher.mask().tolist()


def test_after_giving_up_a_token_is_allowed_where_the_mask_has_it() -> None:
    matcher = GrammarConstraint(TOKENIZER, vocab_size=PADDED).start(SCHEMA)
    matcher.advance(TOKENIZER.encode("CREATE", add_special_tokens=False)[0])
    assert not matcher.constrained
    assert [matcher.allows(one) for one in range(PADDED)] == matcher.mask().tolist()


def test_special_tokens_are_never_allowed(constraint: GrammarConstraint) -> None:
    others = TOKENIZER.convert_tokens_to_ids(["<start>", "<turn>"])
    matcher = constraint.start(SCHEMA, constrain_literals=False)
    for mask in follow(matcher, "MATCH (p:Person) WHERE p.name = 'a' RETURN p"):
        assert not mask[others].any()


def test_after_the_end_there_is_only_the_end(constraint: GrammarConstraint) -> None:
    matcher = constraint.start(SCHEMA)
    list(follow(matcher, "MATCH (m:Movie) RETURN m"))
    assert not matcher.finished
    matcher.advance(END)
    assert matcher.finished
    assert matcher.constrained
    assert matcher.mask().nonzero().flatten().tolist() == [END]
    matcher.advance(END)
    assert matcher.finished


def test_each_of_several_end_tokens_ends_a_query() -> None:
    turn = int(TOKENIZER.convert_tokens_to_ids("<turn>"))
    constraint = GrammarConstraint(TOKENIZER, end_tokens=(END, turn))
    *before, last = follow(constraint.start(SCHEMA), "MATCH (m:Movie) RETURN m.title")
    assert last[END]
    assert last[turn]
    assert not any(mask[turn] for mask in before[:5])
    matcher = constraint.start(SCHEMA)
    list(follow(matcher, "MATCH (m:Movie) RETURN m"))
    matcher.advance(turn)
    assert matcher.finished


def test_masks_are_not_shared(constraint: GrammarConstraint) -> None:
    matcher = constraint.start(SCHEMA)
    first = matcher.mask()
    kept = first.clone()
    matcher.advance(TOKENIZER.encode("MATCH", add_special_tokens=False)[0])
    matcher.mask()
    assert torch.equal(first, kept)


def test_two_queries_go_their_own_ways(constraint: GrammarConstraint) -> None:
    one, other = constraint.start(SCHEMA), constraint.start(SCHEMA)
    list(follow(one, "MATCH (m:Movie) RETURN m"))
    assert other.mask()[TOKENIZER.encode("MATCH", add_special_tokens=False)[0]]
    assert one.mask()[END]
    assert not other.mask()[END]


# ---------------------------------------------------------------------- what may stand in strings


def _titled(text: str) -> str:
    return f"MATCH (m:Movie) WHERE m.title = '{text}' RETURN m"


def test_strings_hold_runs_of_the_question_and_given_values(constraint: GrammarConstraint) -> None:
    asked = {"question": "'Kış Uykusu'nda kim oynadı?", "values": ["Дерсу Узала"]}
    for text in ("Kış Uykusu", "kış uykusu", "Uykusu", "Дерсу Узала", ""):
        assert allowed(constraint.start(SCHEMA, **asked), _titled(text)), text
    for text in ("Kış Uyku", "Дерсу", "黒澤"):
        assert not allowed(constraint.start(SCHEMA, **asked), _titled(text)), text


def test_strings_hold_anything_on_request(constraint: GrammarConstraint) -> None:
    assert allowed(constraint.start(SCHEMA, question="x", constrain_literals=False), _titled("黒澤 🎬"))


# ---------------------------------------------------------------------- whatever is sampled


def _walk(matcher: QueryMatcher, chooser: random.Random, most: int = 160) -> str | None:
    """A query of random tokens, or None if it does not end; after a while, brackets close when they can."""
    closers = ["'", ")", "]", "}", " }", " END", " THEN", " AS", " RETURN", "n", "x", "1", " "]
    order = [TOKENIZER.encode(text, add_special_tokens=False)[0] for text in closers]
    taken: list[int] = []
    for step in range(most):
        mask = matcher.mask()
        assert matcher.constrained
        if mask[END] and (step > 25 or chooser.random() < 0.3):
            matcher.advance(END)
            assert matcher.finished
            return str(TOKENIZER.decode(taken))
        mask[END] = False
        closing = [token for token in order if mask[token]] if step > 25 else []
        token = closing[0] if closing else chooser.choice(mask.nonzero().flatten().tolist())
        matcher.advance(token)
        taken.append(token)
    return None


HOMES = {"Kış": frozenset({("Movie", "title")}), "Ana \x01": frozenset({("Person", "name")})}


@settings(max_examples=100)
@given(seed=st.integers(0, 2**32), literals=st.booleans(), held=st.booleans(), digits=st.booleans())
def test_random_queries_read_and_name_only_the_schema(
    constraint: GrammarConstraint, seed: int, literals: bool, held: bool, digits: bool
) -> None:
    matcher = constraint.start(
        SCHEMA,
        question="Kış mı? 1" if digits else "Kış mı?",
        constrain_literals=literals,
        values=tuple(HOMES) if held else (),
        homes=HOMES if held else None,
    )
    query = _walk(matcher, random.Random(seed))
    if query is None:
        return
    assert guard.check(query) == query
    known = {quote_name(name) for name in (*SCHEMA.labels, *SCHEMA.relationship_types)}
    labels = {word.text for word in read_structure(tokenize(query)).words if word.role is Role.LABEL}
    assert labels <= known


def test_most_random_queries_end(constraint: GrammarConstraint) -> None:
    ended = [_walk(constraint.start(SCHEMA), random.Random(seed)) for seed in range(40)]
    assert sum(query is not None for query in ended) > 20
    assert len({query for query in ended if query and len(query) > 20}) > 10


# ---------------------------------------------------------------------- giving up


def test_a_token_that_was_not_allowed_ends_the_constraint_not_the_query(
    constraint: GrammarConstraint, caplog: pytest.LogCaptureFixture
) -> None:
    matcher = constraint.start(SCHEMA)
    with caplog.at_level(logging.WARNING):
        matcher.advance(TOKENIZER.encode("CREATE", add_special_tokens=False)[0])
        mask = matcher.mask()
        matcher.advance(5)
    assert not matcher.constrained
    assert mask[: len(TOKENIZER)].all()
    assert not mask[len(TOKENIZER) :].any()
    assert len([record for record in caplog.records if "constraint given up" in record.message]) == 1
    assert not matcher.finished
    matcher.advance(END)
    assert matcher.finished


def test_a_grammar_the_engine_refuses_leaves_the_query_free(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("polycypher.translator.constrain.schema_grammar", lambda *_, **__: "start: missing")
    with caplog.at_level(logging.WARNING):
        matcher = GrammarConstraint(TOKENIZER).start(SCHEMA)
    assert not matcher.constrained
    assert matcher.mask().all()
    assert "constraint given up" in caplog.text


def test_literals_the_engine_refuses_leave_the_schema_followed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("polycypher.translator.constrain.literal_grammar", lambda *_, **__: "start: missing")
    with caplog.at_level(logging.WARNING):
        matcher = GrammarConstraint(TOKENIZER).start(SCHEMA, question="x")
    assert matcher.constrained
    assert "strings are free" in caplog.text
    assert allowed(matcher, _titled("anything"))
    assert not allowed(GrammarConstraint(TOKENIZER).start(SCHEMA), "MATCH (m:Movie) RETURN m.name")


def test_a_token_that_ends_within_a_space_and_a_brace_leads_to_no_dead_end(
    constraint: GrammarConstraint, caplog: pytest.LogCaptureFixture
) -> None:
    matcher = constraint.start(SCHEMA, question="Kış", values=tuple(HOMES), homes=HOMES)
    list(follow(matcher, "MATCH (p:Person)-[r:ACTED_IN"))
    space, brace = (TOKENIZER.encode(text, add_special_tokens=False)[0] for text in (" ", "{"))
    assert not matcher.mask()[TOKENIZER.encode(" {", add_special_tokens=False)[0]], "roles are no texts"
    with caplog.at_level(logging.WARNING):
        matcher.advance(space)
        assert matcher.mask()[brace]
    assert matcher.constrained
    assert "strings are free" in caplog.text


# ---------------------------------------------------------------------- grammars are kept


def test_a_grammar_is_made_once_for_a_schema_and_one_for_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def of_schema(*_: object, **__: object) -> str:
        made.append("schema")
        return 'start: "a"+'

    def of_literals(*_: object, spans_of: str, **__: object) -> str:
        made.append(spans_of)
        return 'start: "a"+'

    monkeypatch.setattr("polycypher.translator.constrain.schema_grammar", of_schema)
    monkeypatch.setattr("polycypher.translator.constrain.literal_grammar", of_literals)
    constraint = GrammarConstraint(TOKENIZER, cached=3)
    constraint.start(SCHEMA, question="one")
    constraint.start(SCHEMA, question="one")
    assert made == ["schema", "one"]
    constraint.start(SCHEMA, question="two")
    constraint.start(SCHEMA, question="one", values=["v"])
    assert made == ["schema", "one", "two", "one"]
    constraint.start(SCHEMA, question="one")
    assert len(made) == 5, "only the last three are kept, the schema's among them"
    constraint.start(SCHEMA, question="six", constrain_literals=False)
    assert len(made) == 5, "without literals the question does not matter"


# ---------------------------------------------------------------------- what cannot be used


def test_a_tokenizer_larger_than_the_model_is_refused() -> None:
    with pytest.raises(ModelError, match="belongs to the model"):
        GrammarConstraint(TOKENIZER, vocab_size=len(TOKENIZER) - 1)


def test_a_tokenizer_without_an_end_is_refused() -> None:
    with pytest.raises(ModelError, match="end-of-text"):
        GrammarConstraint(_tokenizer())


def test_an_empty_schema_is_refused(constraint: GrammarConstraint) -> None:
    with pytest.raises(SchemaError):
        constraint.start(GraphSchema({}))
