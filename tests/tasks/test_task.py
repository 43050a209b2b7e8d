"""What every task does: reading, pairing, scoring by language."""

from __future__ import annotations

from pathlib import Path

import pytest

from polycypher.errors import CorpusError, UsageError
from polycypher.tasks.registry import TASKS, task_named
from polycypher.tasks.task import TaskExample, average, joined, parallel

XNLI = TASKS["xnli"]


def made(identifier: str, language: str = "en", answer: str = "neutral") -> TaskExample:
    return TaskExample(identifier, language, "a\nb", (answer,), ("neutral", "entailment"))


def test_a_translated_example_keeps_everything_but_its_text() -> None:
    example = TaskExample("1", "en", joined("a\tb", " c\nd "), ("x",), ("x", "y"), "schema")
    assert example.lines == ["a b", "c d"]
    assert example.translated(["A\nB", "C"], "de") == TaskExample(
        "1", "de", "A B\nC", ("x",), ("x", "y"), "schema"
    )
    with pytest.raises(UsageError, match="example '1' has 2 lines and its translation 1"):
        example.translated(["A"], "de")


def test_scores_by_language_and_their_average() -> None:
    examples = [made("1"), made("1", "de"), made("2", "de"), made("1", "tr")]
    predictions = ["neutral", "neutral", "entailment", "entailment"]
    apart = XNLI.score_by_language(examples, predictions)
    assert apart == {"en": {"accuracy": 1.0}, "de": {"accuracy": 0.5}, "tr": {"accuracy": 0.0}}
    assert XNLI.score(examples, predictions) == {"accuracy": 0.5}
    assert average(apart) == {"accuracy": 0.5}
    assert average(apart, without=("en",)) == {"accuracy": 0.25}
    with pytest.raises(UsageError, match="no language is left"):
        average(apart, without=apart)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_one_prediction_an_example(count: int) -> None:
    examples = [made("1"), made("2")][: 2 if count else 0]
    for score in (XNLI.score, XNLI.score_by_language):
        with pytest.raises(UsageError, match=f"{count} predictions for {len(examples)} examples"):
            score(examples, ["neutral"] * count)


def test_parallel_examples_share_an_id() -> None:
    english, german = [made("1"), made("2"), made("3")], [made("3", "de"), made("1", "de")]
    assert parallel(german, english) == [(german[0], english[2]), (german[1], english[0])]
    with pytest.raises(CorpusError, match="1 of 3 examples have no parallel source, '2' first"):
        parallel(english, german)
    with pytest.raises(CorpusError, match="two source examples have the id '1'"):
        parallel(german, [*english, made("1", "tr")])


def test_an_id_that_is_repeated(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    path.write_text("id,text,label\n4,good,positive\n4,bad,negative\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"test.csv: two rows have the id '4' in en"):
        TASKS["nusax"].read(path, "en")


def test_tasks_by_name() -> None:
    assert {name: task.metrics for name, task in TASKS.items()} == {
        "xnli": ("accuracy",),
        "nusax": ("macro_f1", "accuracy"),
        "tydiqa": ("f1", "exact_match"),
        "mlqa": ("f1", "exact_match"),
        "text2cypher": (),
    }
    assert task_named("nusax") is TASKS["nusax"]
    assert [name for name, task in TASKS.items() if task.answers_translate] == ["tydiqa", "mlqa"]
    with pytest.raises(UsageError, match="no task is named 'glue'; there are xnli, nusax"):
        task_named("glue")
