"""Scoring: which examples belong to a graph, and a run that a bad question does not end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from polycypher import score as score_module
from polycypher.corpus.example import Example
from polycypher.errors import CorpusError, PolycypherError, UsageError
from polycypher.fusion.modes import Mode
from polycypher.graph.watch import Advance
from polycypher.schema import GraphSchema
from polycypher.score import examples_for, open_trial, predict, score
from polycypher.translator.translator import Request, Translation, Translator

SCHEMA = GraphSchema({"Movie": {"title": "STRING"}})


class Parrot:
    """Stands for a model: the gold query for every question that has words."""

    languages = ("en", "es")

    def translate_requests(self, requests: Iterable[Request]) -> Iterator[Translation | PolycypherError]:
        for request in requests:
            if request.question.strip():
                yield Translation(
                    request.question,
                    "MATCH (m:Movie) RETURN m.title",
                    {"en": 0.9, "es": 0.1},
                    mode=Mode.PRUNED,
                    rows=1,
                    complete=True,
                    notices=(),
                    gate_ms=0.0,
                    first_ms=0.0,
                    decode_ms=0.0,
                )
            else:
                yield UsageError("the question is empty")

    def close(self) -> None:
        return


PARROT: Any = Parrot()


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
    made = list(predict(rows, PARROT, lambda _: SCHEMA))
    assert [p.prediction for p in made] == ["", "MATCH (m:Movie) RETURN m.title"]


def test_predictions_are_kept(tmp_path: Path) -> None:
    kept = tmp_path / "predictions.jsonl"
    report = score([example("1", "movies")], PARROT, schemas={"movies": SCHEMA}, keep=kept)
    row = json.loads(kept.read_text(encoding="utf-8"))
    assert row == {
        "id": "1",
        "language": "en",
        "prediction": "MATCH (m:Movie) RETURN m.title",
        "weights": {"en": 0.9, "es": 0.1},
    }
    assert report.to_json()["languages"]["en"]["rouge_l"] == 1.0


def test_predicting_and_measuring_are_watched() -> None:
    told: list[tuple[str, int, int]] = []

    @contextmanager
    def watch(title: str, total: int) -> Iterator[Advance]:
        done: list[int] = []
        yield lambda count=1: done.append(count)
        told.append((title, total, sum(done)))

    rows = [example("1", "movies"), example("2", "movies", " ")]
    score(rows, PARROT, schemas={"movies": SCHEMA}, watch=watch)
    assert told == [("translating", 2, 2), ("measuring", 2, 2)]


@pytest.mark.parametrize(
    ("schemas", "told"),
    [
        ({}, "the examples are about 'movies', no named database, the schemas describe nothing"),
        (dict.fromkeys("fedcbag", SCHEMA), "the schemas describe 'a', 'b', 'c', 'd', 'e' and 2 more"),
    ],
)
def test_without_any_schema_the_databases_are_named(schemas: dict[str, GraphSchema], told: str) -> None:
    with pytest.raises(CorpusError, match="--schemas, or a graph with --graph") as refused:
        score([example("1", "movies"), example("2", "")], PARROT, schemas=schemas)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_without_any_example_there_is_nothing_to_score() -> None:
    with pytest.raises(CorpusError, match="no example to score; give"):
        score([], PARROT, schemas={"movies": SCHEMA})


# ---------------------------------------------------------------------- from files


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus about two databases, the schema of one, and a model that is a parrot."""
    query = "MATCH (m:Movie) RETURN m.title"
    rows = [
        {"database": name, "en": f"Which movies {number}?", "es": "¿Qué películas?", "cypher": query}
        for number, name in enumerate(("movies", "network", "movies", "movies"))
    ]
    write(tmp_path / "corpus.jsonl", rows)
    write(tmp_path / "schemas.jsonl", [{"database": "movies", **SCHEMA.to_dict()}])
    monkeypatch.setattr(Translator, "load", lambda model, **options: PARROT)
    return tmp_path


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_a_trial_with_schemas_leaves_other_databases_out(files: Path) -> None:
    with open_trial(files / "corpus.jsonl", schemas=files / "schemas.jsonl", languages=["en"]) as trial:
        assert [example.database for example in trial.examples] == ["movies"] * 3
        assert trial.notices == (
            f"1 examples of databases that {files / 'schemas.jsonl'} does not hold are left out",
        )
        report = trial.run().to_json()
    assert report["languages"]["en"]["count"] == 3
    assert report["languages"].keys() == {"en"}
    assert report["languages"]["en"]["execution_accuracy"] is None


def test_a_limit_counts_the_examples_that_are_scored(files: Path) -> None:
    trial = open_trial(files / "corpus.jsonl", schemas=files / "schemas.jsonl", limit=2)
    assert [example.database for example in trial.examples] == ["movies", "movies"]


def test_a_trial_on_a_graph_opens_and_closes_it(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    store = SimpleNamespace(close=lambda: closed.append("graph"))
    model = SimpleNamespace(close=lambda: closed.append("model"))
    opened: dict[str, Any] = {}

    def both(model_name: str, graph: str, **access: str | None) -> tuple[Any, Any, float]:
        opened.update(access, model=model_name, graph=graph)
        return model, store, 0.0

    monkeypatch.setattr(score_module, "open_both", both)
    with open_trial(files / "corpus.jsonl", "mine", graph="network", user="ada") as trial:
        assert [example.database for example in trial.examples] == ["network"]
        assert trial.notices == ("3 examples of other databases than 'network' are left out",)
        assert trial.store is store
    assert opened == {"model": "mine", "graph": "network", "mode": Mode.PRUNED, "user": "ada"}
    assert closed == ["model", "graph"]


@pytest.mark.parametrize("given", [{}, {"graph": "demo", "schemas": Path("schemas.jsonl")}])
def test_either_a_graph_or_schemas(files: Path, given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--graph, or schemas with --schemas"):
        open_trial(files / "corpus.jsonl", **given)
