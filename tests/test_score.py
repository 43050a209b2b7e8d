"""Scoring: which examples belong to a graph, and a run that a bad question does not end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from polycypher.corpus.example import Example
from polycypher.errors import CorpusError, UsageError
from polycypher.schema import GraphSchema
from polycypher.score import examples_for, predict, score
from polycypher.translator.translator import Translation

SCHEMA = GraphSchema({"Movie": {"title": "STRING"}})


class Parrot:
    """Stands for a model: the gold query for every question that has words."""

    def translate(self, question: str, schema: GraphSchema, **_: Any) -> Translation:
        if not question.strip():
            raise UsageError("the question is empty")
        return Translation(
            question, "MATCH (m:Movie) RETURN m.title", {"en": 0.9, "es": 0.1}, True, (), 0.0, 0.0
        )


def example(name: str, database: str, question: str = "Which movies?") -> Example:
    return Example(name, database, {"en": question}, "MATCH (m:Movie) RETURN m.title")


def test_only_the_graphs_own_examples_count_if_any_names_it() -> None:
    rows = [example("1", "movies"), example("2", "network"), example("3", "movies")]
    own, others = examples_for(rows, "movies")
    assert [e.id for e in own] == ["1", "3"]
    assert others == 1


def test_a_corpus_that_names_no_such_database_is_about_the_graph() -> None:
    assert examples_for([example("1", "")], "mine") == ([example("1", "")], 0)


def test_a_bad_question_is_a_wrong_answer_and_not_the_end() -> None:
    rows = [example("1", "movies", " "), example("2", "movies")]
    made = list(predict(rows, Parrot(), lambda _: SCHEMA))  # type: ignore[arg-type]
    assert [p.prediction for p in made] == ["", "MATCH (m:Movie) RETURN m.title"]


def test_predictions_are_kept(tmp_path: Path) -> None:
    kept = tmp_path / "predictions.jsonl"
    report = score([example("1", "movies")], Parrot(), schemas={"movies": SCHEMA}, keep=kept)  # type: ignore[arg-type]
    row = json.loads(kept.read_text(encoding="utf-8"))
    assert row == {
        "id": "1",
        "language": "en",
        "prediction": "MATCH (m:Movie) RETURN m.title",
        "weights": {"en": 0.9, "es": 0.1},
    }
    assert report.to_json()["languages"]["en"]["rouge_l"] == 1.0


def test_without_any_schema_there_is_nothing_to_score() -> None:
    with pytest.raises(CorpusError, match="--graph"):
        score([example("1", "movies")], Parrot(), schemas={})  # type: ignore[arg-type]
