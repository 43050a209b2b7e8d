"""Predictions to numbers, worked by hand; a gold query that is not sure of itself judges no rows."""

from __future__ import annotations

from typing import Any

import pytest
from small_study import Graph, example

from polycypher.evaluation import Executor, Prediction, Report, Score, evaluate
from polycypher.evaluation.execute import Outcome
from polycypher.study.measure import MEASURES, PAIRS, check_gold, differences, routing, scores
from polycypher.study.methods import methods


def score(number: int, language: str, rouge: float, right: bool | None = None) -> Score:
    outcome = None if right is None else Outcome.OK
    return Score(f"q{number}", language, rouge, rouge, outcome, right, right, right)


def test_gold_that_differs_from_itself_is_measured_by_text_alone() -> None:
    graph = Graph({"same": [(1,)], "changes": lambda times: [(times,)], "whole": [(2,), (3,)]})
    examples = [
        example(1, cypher="same"),
        example(2, cypher="changes"),
        example(3, cypher="rejected"),
        example(4, "towns", cypher="no graph for it"),
    ]
    graphs = {"films": Executor(graph)}
    usable, wrong = check_gold(examples, graphs)
    assert [one.id for one in usable] == ["q1", "q2", "q3", "q4"]
    assert [one.database for one in usable] == ["films", "", "", "towns"]
    assert list(wrong) == ["q2", "q3"]
    assert "other rows the second time" in wrong["q2"]
    report = evaluate([Prediction(one.id, "en", one.cypher) for one in examples], usable, graphs)
    assert report.values("rouge_l") == {"q1": 1.0, "q2": 1.0, "q3": 1.0, "q4": 1.0}
    assert report.values("execution_accuracy") == {"q1": 1.0}


def test_scores_are_means_with_intervals_and_none_where_nothing_was_measured() -> None:
    report = Report((score(1, "en", 0.5, True), score(2, "en", 1.0, False), score(1, "es", 0.0)))
    found = scores(report, ["en", "es"])
    assert list(found) == ["en", "es", "avg"]
    assert all(tuple(cells) == MEASURES for cells in found.values())
    assert found["en"]["rouge_l"]["value"] == 0.75
    assert 0.5 <= found["en"]["rouge_l"]["low"] <= 0.75 <= found["en"]["rouge_l"]["high"] <= 1.0
    assert found["es"]["rouge_l"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    # The average is over examples, whose languages are averaged first: ((0.5 + 0) / 2 + 1) / 2.
    assert found["avg"]["rouge_l"]["value"] == 0.625
    assert found["en"]["execution_accuracy"]["value"] == 0.5
    assert found["es"]["execution_accuracy"] is None


def test_differences_are_paired_by_example() -> None:
    joint = Report(tuple(score(number, "en", 0.9) for number in (1, 2, 3)))
    base = Report((score(1, "en", 0.1), score(2, "en", 0.3), score(9, "en", 0.0)))
    found = differences({"joint": joint, "base": base}, ["en", "es"])
    assert list(found) == ["joint - base"]
    cell = found["joint - base"]["en"]["rouge_l"]
    assert cell["value"] == pytest.approx(0.7)  # of the two examples that both have
    assert cell["low"] == pytest.approx(0.6)
    assert cell["high"] == pytest.approx(0.8)
    assert found["joint - base"]["es"]["rouge_l"] is None
    assert found["joint - base"]["avg"]["rouge_l"] == cell


def test_the_pairs_are_of_methods_that_a_study_has() -> None:
    known = {method.name for method in methods(["en", "es"], ["mlp", "shared-scorer"])}
    assert {name for pair in PAIRS for name in pair} <= known


def weighed(number: int, language: str, en: float) -> Prediction:
    return Prediction(f"q{number}", language, "", {"en": en, "es": 1.0 - en})


def test_routing_counts_the_largest_weight() -> None:
    made = [
        weighed(1, "en", 0.9),
        weighed(2, "en", 0.8),
        weighed(3, "en", 0.70004),
        weighed(4, "en", 0.2),
        weighed(1, "es", 0.4),
        Prediction("q2", "es", "", None),
    ]
    found: dict[str, Any] = routing(made, ["es", "en", "tr"])
    assert found["confusion"] == {"es": {"en": 0.0, "es": 1.0}, "en": {"en": 0.75, "es": 0.25}}
    assert found["top"] == {"es": [0.6], "en": [0.9, 0.8, 0.7, 0.8]}
