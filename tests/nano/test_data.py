"""Training groups: right labels, honest swaps, and schemas that hold what their queries use."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch

from polycypher.corpus.example import Example
from polycypher.corpus.prompt import COMPACT
from polycypher.nano.data import (
    LENGTHS,
    TOKENS_A_GROUP,
    Group,
    Mixture,
    Source,
    encode_pair,
    make_batch,
    source_of,
)
from polycypher.nano.forward import Batch
from polycypher.schema import GraphSchema, Pattern
from tiny_models import END, random_ids, tiny_tokenizer

SCHEMA = GraphSchema(
    {
        "Person": {"name": "STRING", "born": "INTEGER", "email": "STRING"},
        "Movie": {"title": "STRING", "released": "INTEGER", "tagline": "STRING"},
        "Genre": {"name": "STRING"},
        "Studio": {"name": "STRING", "city": "STRING"},
        "Award": {"year": "INTEGER"},
    },
    {"ACTED_IN": {"roles": "LIST"}},
    (
        Pattern("Person", "ACTED_IN", "Movie"),
        Pattern("Person", "DIRECTED", "Movie"),
        Pattern("Movie", "HAS_GENRE", "Genre"),
        Pattern("Studio", "MADE", "Movie"),
        Pattern("Movie", "WON", "Award"),
    ),
)
PEOPLE = ("Tom Hanks", "Meg Ryan", "Keanu Reeves", "Carrie Moss")


def examples() -> list[Example]:
    rows = [
        Example(
            f"d{i}",
            "movies",
            {"en": f"Which films did {name} direct?", "es": f"¿Qué películas dirigió {name}?"},
            f"MATCH (x:Person {{name: '{name}'}})-[:DIRECTED]->(m:Movie) RETURN m.title",
        )
        for i, name in enumerate(PEOPLE)
    ]
    rows += [
        Example(
            f"n{i}",
            "movies",
            {"en": f"The {n} actors of most films?", "tr": f"En çok filmde oynayan {n} oyuncu?"},
            f"MATCH (p:Person)-[:ACTED_IN]->(m:Movie) RETURN p.name, count(m) ORDER BY count(m) LIMIT {n}",
        )
        for i, n in enumerate((3, 5, 7))
    ]
    return rows


def a_mixture(
    rows: Sequence[Example] | None = None, *, seed: int = 0, schema: GraphSchema = SCHEMA, **options: Any
) -> Mixture:
    schemas = {"movies": schema}
    source = source_of(
        "real", 1.0, examples() if rows is None else rows, schemas, {"en": 0.5, "es": 0.3, "tr": 0.2}
    )
    return Mixture([source], schemas, tiny_tokenizer(), COMPACT, seed=seed, **options)


def groups(mixture: Mixture, count: int = 60) -> list[Group]:
    return [mixture._group(mixture.sources[0]) for _ in range(count)]


# ---------------------------------------------------------------------- batches


@pytest.mark.parametrize("question_weight", [0.0, 0.1])
def test_the_label_of_a_place_is_the_next_token(question_weight: float) -> None:
    rows = [(random_ids(n, seed=n).tolist(), prompt) for n, prompt in ((20, 8), (30, 29), (12, 1))]
    batch = make_batch(random_ids(70).tolist(), rows, 40, question_weight, random.Random(0))
    answers = set()
    for place, label, weight in zip(
        batch.select.tolist(), batch.labels.tolist(), batch.weights.tolist(), strict=True
    ):
        row, at = divmod(place, 40)
        tokens, prompt = rows[row]
        assert tokens[at + 1] == label == batch.rows[row, at + 1]
        if at >= prompt - 1:  # the last prompt token predicts the answer's first
            answers.add(place)
            assert weight == 1.0
        else:
            assert weight == pytest.approx(4 * question_weight)
    assert answers == {
        r * 40 + at for r, (tokens, prompt) in enumerate(rows) for at in range(prompt - 1, len(tokens) - 1)
    }
    assert (len(batch.select) > len(answers)) == (question_weight > 0)


def test_a_quarter_of_the_question_counts() -> None:
    rows = [(random_ids(100, seed=n).tolist(), 100) for n in range(40)]
    batch = make_batch([5], rows, 120, 0.1, random.Random(0))
    assert (batch.weights < 1).sum().item() / (40 * 98) == pytest.approx(0.25, abs=0.03)


def test_padding() -> None:
    for length, size in ((1, 64), (64, 64), (65, 128)):
        prefix = random_ids(length).tolist()
        batch = make_batch(prefix, [([5, 6, 7], 1)], 8, 0.0)
        assert batch.prefix.tolist() == prefix + [0] * (size - length)
        assert (batch.prefix_bias[:length] == 0).all()
        assert (batch.prefix_bias[length:] < -1e8).all()
        assert batch.start == length
        assert batch.rows.tolist() == [[5, 6, 7, 0, 0, 0, 0, 0]]


def test_a_row_is_question_frame_query_and_end() -> None:
    tokenizer = tiny_tokenizer()
    tokens, prompt = encode_pair(tokenizer, COMPACT, "How many?", "RETURN 1")
    assert tokenizer.decode(tokens[:prompt]) == "How many?" + COMPACT.tail
    assert tokenizer.decode(tokens[prompt:-1]) == "RETURN 1"
    assert tokens[-1] == END


def text_of(batch: Batch) -> tuple[str, list[str]]:
    """The schema and the rows of a batch as text."""
    tokenizer = tiny_tokenizer()
    prefix = tokenizer.decode(batch.prefix[: int(batch.start)])
    return prefix, [tokenizer.decode([t for t in row.tolist() if t > END]) for row in batch.rows]


def test_a_drawn_batch_is_whole() -> None:
    mixture = a_mixture()
    for _ in range(30):
        batch = mixture.draw()
        prefix, rows = text_of(batch)
        assert prefix.endswith(COMPACT.middle)
        assert batch.rows.shape[1] in LENGTHS
        assert batch.rows.numel() <= TOKENS_A_GROUP
        for row in rows:
            question, query = row.split(COMPACT.tail)
            assert question.endswith("?")
            assert query.startswith("MATCH")
        ends = batch.rows.reshape(-1)[batch.select[batch.labels == END] + 1]
        assert len(ends) == len(rows)  # every row teaches where to end


# ---------------------------------------------------------------------- swapped values and limits


def test_swapped_values_stand_in_question_and_query_alike() -> None:
    seen = set()
    for _, pairs in groups(a_mixture()):
        for question, query in pairs:
            if found := re.search(r"name: '([^']*)'", query):
                assert found[1] in PEOPLE
                assert found[1] in question
                assert not any(name in question for name in PEOPLE if name != found[1])
                seen.add((re.sub(found[1], "", question), found[1]))
    assert len(seen) == 8  # each of both languages' questions with each of four names


def test_swapped_limits_stand_in_question_and_query_alike() -> None:
    seen = set()
    for _, pairs in groups(a_mixture()):
        for question, query in pairs:
            if found := re.search(r"LIMIT (\d+)$", query):
                assert re.findall(r"\d+", question) == [found[1]]
                seen.add(int(found[1]))
    assert {3, 5, 7} < seen


def test_a_value_that_the_question_does_not_hold_once_stays() -> None:
    query = "MATCH (p:Person {name: 'Tom Hanks'}) RETURN p.born"
    for question in ("When was T. Hanks born?", "Is Tom Hanks Tom Hanks?"):
        mixture = a_mixture([*examples(), Example("x", "movies", {"en": question}, query)])
        for _ in range(40):
            assert mixture._swap(question, query) == (question, query)


def test_a_limit_that_is_part_of_another_number_stays() -> None:
    mixture = a_mixture()
    pair = "The first films of 1990, 50 of them?", "MATCH (m:Movie) RETURN m.title LIMIT 5"
    assert all(mixture._swap(*pair) == pair for _ in range(40))


@pytest.mark.parametrize(
    ("question", "value", "other"),
    [("Who plays Kate?", "Kate", r"Conan O\'Brien"), ("How many artists like art?", "artist", "Rome")],
)
def test_a_swapped_value_is_written_as_people_write(question: str, value: str, other: str) -> None:
    query = f"MATCH (r:Role {{name: '{value}'}}) RETURN r"
    mixture = a_mixture([Example("x", "movies", {"en": "?"}, query.replace(value, other))])
    for _ in range(40):
        asked, _ = mixture._swap(question, query)
        assert "\\" not in asked
        assert "Romes" not in asked


# ---------------------------------------------------------------------- schema variants


def test_variants_hold_every_name_that_their_queries_use() -> None:
    variants = set()
    for schema, pairs in groups(a_mixture()):
        held = {*schema.labels, *schema.relationship_types, *schema.properties}
        for _, query in pairs:
            bare = re.sub(r"'[^']*'", "", query)
            used = set(re.findall(r"(?<=:)[A-Za-z_]+|(?<=\.)\w+|(?<=\{)\w+", bare))
            assert used <= held
        assert set(schema.labels) <= set(SCHEMA.labels)
        variants.add(schema.to_prompt())
    assert len(variants) > 10


def test_variants_leave_out_what_no_query_uses() -> None:
    schemas = [schema for schema, _ in groups(a_mixture())]
    whole = sum(schema == SCHEMA for schema in schemas)
    assert 0.3 < whole / len(schemas) < 0.7
    assert any("Award" not in schema.labels for schema in schemas)
    assert any("Award" in schema.labels for schema in schemas if schema != SCHEMA)
    assert any("tagline" not in schema.properties and "Movie" in schema.labels for schema in schemas)


def test_a_large_schema_is_cut_to_the_bound() -> None:
    large = GraphSchema(
        {**SCHEMA.node_properties, **{f"Thing{i}": {"name": "STRING"} for i in range(200)}},
        {},
        SCHEMA.relationships,
    )
    mixture = a_mixture(schema=large, schema_tokens=250)
    for _ in range(10):
        batch = mixture.draw()
        assert int(batch.start) <= 250
        assert "DIRECTED" in text_of(batch)[0]


# ---------------------------------------------------------------------- the mixture


def same(one: Batch, other: Batch) -> bool:
    return all(torch.equal(getattr(one, n), getattr(other, n)) for n in Batch.__slots__)


def test_the_seed_decides() -> None:
    one, again, other = (a_mixture(seed=seed) for seed in (3, 3, 4))
    assert all(same(one.draw(), again.draw()) for _ in range(8))
    assert not all(same(one.draw(), other.draw()) for _ in range(4))


def test_a_kept_random_state_goes_on_where_it_was() -> None:
    mixture, later = a_mixture(), a_mixture(seed=9)
    for _ in range(5):
        mixture.draw()
    later.random.setstate(mixture.random.getstate())
    assert all(same(mixture.draw(), later.draw()) for _ in range(5))


def maker(chooser: random.Random, most: int) -> Group:
    return GraphSchema({"Made": {"up": "STRING"}}), [
        (f"Made up {chooser.random()}?", "MATCH (m:Made) RETURN m.up")
    ] * most


def test_sources_are_drawn_by_weight() -> None:
    schemas = {"movies": SCHEMA}
    real = source_of("real", 3.0, examples(), schemas, {"en": 1.0})
    mixture = Mixture([real, Source("made", 1.0, {}, make=maker)], schemas, tiny_tokenizer(), COMPACT, seed=0)
    made = sum("Made" in text_of(mixture.draw())[0] for _ in range(200))
    assert made / 200 == pytest.approx(0.25, abs=0.1)


@pytest.mark.parametrize(
    ("languages", "started"), [({"es": 1.0}, "¿"), ({"tr": 1.0}, "En çok"), ({"en": 1.0}, ("Which", "The"))]
)
def test_languages_are_those_asked_for(
    languages: Mapping[str, float], started: str | tuple[str, ...]
) -> None:
    schemas = {"movies": SCHEMA}
    mixture = Mixture(
        [source_of("real", 1.0, examples(), schemas, languages)], schemas, tiny_tokenizer(), COMPACT, seed=0
    )
    for _ in range(5):
        assert all(row.startswith(started) for row in text_of(mixture.draw())[1])


def test_a_source_leaves_out_what_cannot_train() -> None:
    rows = [
        *examples()[:1],
        Example("a", "no such graph", {"en": "Who?"}, "RETURN 1"),
        Example("b", "movies", {"de": "Wer?"}, "RETURN 1"),
        Example("c", "movies", {"en": "Who?"}, "MATCH (n {name: 'unclosed}) RETURN n"),
    ]
    source = source_of("real", 1.0, rows, {"movies": SCHEMA}, {"en": 1.0})
    assert [e.id for e in source.examples["movies"]] == ["d0"]
    assert list(source.examples) == ["movies"]
    assert "(p:Person {name: 'Tom Hanks'})" in source.examples["movies"][0].cypher  # in normal form
