"""Modes and batches of the shipped model: one answer, whatever the way to it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

import pytest

from polycypher.errors import BundleError, ModelError, UsageError
from polycypher.fusion.modes import Mode
from polycypher.schema import GraphSchema, Pattern
from polycypher.translator.translator import Request, Translation, Translator

SCHEMA = GraphSchema(
    {
        "Person": {"name": "STRING", "born": "INTEGER"},
        "Movie": {"title": "STRING", "released": "INTEGER"},
    },
    relationships=(Pattern("Person", "DIRECTED", "Movie"), Pattern("Person", "ACTED_IN", "Movie")),
)
OTHER = GraphSchema({"Product": {"name": "STRING", "price": "FLOAT"}})
QUESTIONS = {
    "en": "Which movies did Clint Eastwood direct?",
    "es": "¿Qué películas dirigió Clint Eastwood?",
    "tr": "Clint Eastwood hangi filmleri yönetti?",
}


@pytest.fixture(scope="module")
def nano() -> Iterator[Translator]:
    with Translator.load("nano") as loaded:
        yield loaded


def made(result: object) -> Translation:
    assert isinstance(result, Translation), result
    return result


@pytest.mark.parametrize("language", QUESTIONS)
def test_a_sharp_gate_makes_all_modes_one(nano: Translator, language: str) -> None:
    found = {mode: nano.translate(QUESTIONS[language], SCHEMA, mode=mode) for mode in Mode}
    assert len({one.cypher for one in found.values()}) == 1
    assert "DIRECTED" in found[Mode.LOGITS].cypher
    for mode, one in found.items():
        assert one.mode is mode
        assert max(one.weights, key=lambda code: one.weights[code]) == language
        assert one.rows == (3 if mode is Mode.LOGITS else 1)


def test_pruned_is_the_default(nano: Translator) -> None:
    assert nano.translate(QUESTIONS["en"], SCHEMA).mode is Mode.PRUNED
    with Translator.load("nano", mode=Mode.EARLY) as early:
        assert early.translate(QUESTIONS["en"], SCHEMA).mode is Mode.EARLY


def test_a_batch_mixes_languages_modes_and_schemas(nano: Translator) -> None:
    requests = [
        Request(QUESTIONS["en"], SCHEMA),
        Request("What is the price of each product?", OTHER, mode=Mode.LOGITS),
        Request(QUESTIONS["tr"], SCHEMA, mode=Mode.EARLY),
        Request(QUESTIONS["es"], SCHEMA, language="es", constrain=False),
        Request("Which products are there?", OTHER, mode=Mode.MERGED),
    ]
    together = [made(one) for one in nano.translate_batch(requests)]
    for request, found in zip(requests, together, strict=True):
        alone = made(nano.translate_batch([request])[0])
        assert found.cypher == alone.cypher
        assert found.weights == pytest.approx(alone.weights, abs=1e-4)


def test_a_bad_request_fails_alone(nano: Translator) -> None:
    first, empty, unknown, last = nano.translate_batch(
        [
            Request(QUESTIONS["en"], SCHEMA),
            Request("  ?! ", SCHEMA),
            Request(QUESTIONS["en"], SCHEMA, language="de"),
            Request(QUESTIONS["es"], SCHEMA),
        ]
    )
    assert made(first).cypher == made(last).cypher
    assert isinstance(empty, UsageError)
    assert isinstance(unknown, UsageError)
    assert nano.translate_batch([]) == []


def test_many_questions_keep_their_order(nano: Translator) -> None:
    asked = [f"{question}{'?' * extra}" for extra in range(4) for question in QUESTIONS.values()] + [""]
    found = list(nano.translate_many(asked, SCHEMA, batch=3))
    assert [made(one).question for one in found[:-1]] == asked[:-1]
    assert isinstance(found[-1], UsageError)


def test_many_questions_stream(nano: Translator) -> None:
    """Answers come before all questions are read."""
    read: list[str] = []

    def questions() -> Iterator[str]:
        for _ in range(1000):
            read.append(QUESTIONS["en"])
            yield read[-1]

    first = list(islice(nano.translate_many(questions(), SCHEMA, batch=2), 2))
    assert len(first) == 2
    assert len(read) == 8


def test_the_text_so_far_is_told(nano: Translator) -> None:
    told: list[str] = []
    found = nano.translate(QUESTIONS["en"], SCHEMA, on_text=told.append)
    assert told[-1].strip() == found.cypher
    assert all(later.startswith(sooner) for sooner, later in pairwise(told))
    assert 0 < found.first_ms <= found.decode_ms


def test_early_needs_its_gate(monkeypatch: pytest.MonkeyPatch, nano: Translator) -> None:
    monkeypatch.setattr(nano._decoder, "early", None)
    with pytest.raises(BundleError, match="no early gate"):
        nano.translate(QUESTIONS["en"], SCHEMA, mode=Mode.EARLY)


def test_a_closed_translator_takes_no_batch() -> None:
    closed = Translator.load("nano")
    closed.close()
    with pytest.raises(ModelError, match="closed"):
        closed.translate_batch([Request(QUESTIONS["en"], SCHEMA)])
