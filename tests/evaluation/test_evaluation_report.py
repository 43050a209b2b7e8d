"""Sums over scores, their JSON form, and tables."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from polycypher.errors import UsageError
from polycypher.evaluation.execute import Outcome
from polycypher.evaluation.report import METRICS, Report, Score
from polycypher.evaluation.table import routing_table, score_table


def ran(
    example_id: str, language: str, right: bool, *, empty: bool = False, adapter: str | None = None
) -> Score:
    return Score(
        example_id,
        language,
        rouge_l=0.5,
        cypher_rouge_l=1.0 if right else 0.0,
        outcome=Outcome.OK,
        exact_match=False,
        execution_accuracy=right,
        subset_accuracy=True,
        gold_empty=empty,
        adapter=adapter,
    )


def failed(example_id: str, language: str, outcome: Outcome, adapter: str | None = None) -> Score:
    return Score(example_id, language, 0.5, 0.0, outcome, False, False, False, adapter=adapter)


REPORT = Report(
    (
        ran("a", "en", True, adapter="en"),
        ran("b", "en", True, empty=True, adapter="en"),
        ran("c", "en", False, adapter="tr"),
        failed("d", "en", Outcome.TIMEOUT, adapter="en"),
        Score("e", "en", 1.0, 1.0, gold_failed=True),
        ran("a", "tr", False, adapter="tr"),
        Score("e", "tr", 1.0, 1.0, gold_failed=True),
    )
)


def test_the_json_form_is_exactly_the_one_agreed() -> None:
    assert json.loads(json.dumps(REPORT.to_json())) == {
        "languages": {
            "en": {
                "count": 5,
                "rouge_l": pytest.approx(3 / 5),
                "cypher_rouge_l": pytest.approx(3 / 5),
                "exact_match": 0.0,
                "execution_accuracy": pytest.approx(2 / 4),
                "subset_accuracy": pytest.approx(3 / 4),
                "executable": pytest.approx(3 / 4),
                "empty_gold": 1,
                "timeouts": 1,
            },
            "tr": {
                "count": 2,
                "rouge_l": pytest.approx(3 / 4),
                "cypher_rouge_l": pytest.approx(1 / 2),
                "exact_match": 0.0,
                "execution_accuracy": 0.0,
                "subset_accuracy": 1.0,
                "executable": 1.0,
                "empty_gold": 0,
                "timeouts": 0,
            },
        },
        "routing": {"en": {"en": 0.75, "tr": 0.25}, "tr": {"en": 0.0, "tr": 1.0}},
    }


def test_what_could_not_be_measured_is_null_and_not_zero() -> None:
    report = Report((Score("a", "en", 1.0, 1.0),))
    summary = report.to_json()["languages"]["en"]
    assert summary["execution_accuracy"] is None
    assert summary["executable"] is None
    assert report.to_json()["routing"] == {}
    assert report.interval("execution_accuracy") is None
    assert Report(()).to_json() == {"languages": {}, "routing": {}}


def test_gold_failures_and_empty_results_stand_apart() -> None:
    english = REPORT.languages["en"]
    assert (english.executed, english.gold_failed) == (4, 1)
    assert english.execution_accuracy_nonempty == pytest.approx(1 / 3)
    assert english.outcomes == {"ok": 3, "refused": 0, "rejected": 0, "timeout": 1, "unavailable": 0}
    details = json.loads(json.dumps(REPORT.details()))["en"]
    assert details["gold_failed"] == 1
    assert set(details["intervals"]) == set(METRICS)
    low, high = details["intervals"]["execution_accuracy"]
    assert low <= 0.5 <= high


def test_parallel_questions_count_as_one_example() -> None:
    assert REPORT.values("execution_accuracy", "en") == {"a": 1.0, "b": 1.0, "c": 0.0, "d": 0.0}
    assert REPORT.values("execution_accuracy") == {"a": 0.5, "b": 1.0, "c": 0.0, "d": 0.0}


def test_an_unknown_measure_is_refused() -> None:
    with pytest.raises(UsageError, match="accuracy"):
        REPORT.values("accuracy")


def shown(report: Report) -> str:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(score_table(report))
    if (table := routing_table(report)) is not None:
        console.print(table)
    return console.export_text()


def test_tables_show_every_language_measure_and_adapter() -> None:
    text = shown(REPORT)
    row = next(
        line for line in text.splitlines() if "EX " in line and "gold" not in line and "subset" not in line
    )
    assert "50.0 (" in row
    assert row.rstrip(" │").endswith("25.0")  # the mean over languages
    assert "75.0" in text[text.index("Adapter") :]


def test_tables_without_execution_or_weights() -> None:
    text = shown(Report((Score("a", "en", 1.0, 1.0),)))
    assert "n/a" in text
    assert "Adapter" not in text
