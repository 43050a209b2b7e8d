"""Reading the study's results: shares worked by hand, absence, refusal of another shape."""

from __future__ import annotations

from typing import Any

import pytest
from sample_results import uneven_results

from polycypher.errors import UsageError
from polycypher.study import reading
from polycypher.study.reading import recovered


@pytest.fixture
def results() -> dict[str, Any]:
    return uneven_results()


def test_share_recovered_by_hand(results: dict[str, Any]) -> None:
    assert recovered(results, "fusion-mlp", "rouge_l") == pytest.approx(0.75)  # .15 of .20
    assert recovered(results, "fusion-mlp", "rouge_l", "en") == pytest.approx(0.75)  # .30 of .40
    assert recovered(results, "linear-peft", "rouge_l") == pytest.approx(-0.5)  # below base
    assert recovered(results, "ours-new", "rouge_l") == pytest.approx(1.5)  # above joint
    assert recovered(results, "base", "rouge_l") == 0.0
    assert recovered(results, "joint", "rouge_l") == 1.0


def test_no_share_where_joint_gains_nothing_or_a_score_is_missing(results: dict[str, Any]) -> None:
    assert recovered(results, "base", "rouge_l", "es") is None  # joint loses
    assert recovered(results, "fusion-mlp", "rouge_l", "es") is None  # null
    assert recovered(results, "fusion-mlp", "exact_match") is None  # not measured
    assert recovered(results, "fusion-top1", "rouge_l") is None  # not run
    results["methods"]["joint"]["avg"]["rouge_l"] = results["methods"]["base"]["avg"]["rouge_l"]
    assert recovered(results, "fusion-mlp", "rouge_l") is None  # a gain of exactly nothing


def test_languages_come_from_the_methods_where_none_are_named(results: dict[str, Any]) -> None:
    del results["languages"]
    assert reading.languages(results) == ["en", "es"]


def test_what_is_absent_is_empty_and_what_is_strange_is_refused() -> None:
    assert reading.part({"routing": None}, "routing", "top") == {}
    assert reading.records({}, "growth") == []
    for damaged in ([1], "words", 3):
        with pytest.raises(UsageError, match="at routing/confusion but") as refused:
            reading.part({"routing": {"confusion": damaged}}, "routing", "confusion", "fusion-mlp")
        assert "run the study again" in str(refused.value)
        with pytest.raises(UsageError, match="growth"):
            reading.records({"growth": damaged}, "growth")


def test_confusion_is_a_matrix() -> None:
    results = {"routing": {"confusion": {"fusion-mlp": {"en": {"en": 0.9}, "es": {"en": 0.2, "es": 0.8}}}}}
    assert reading.confusion(results, "fusion-mlp") == (["en", "es"], ["en", "es"], [[0.9, None], [0.2, 0.8]])


def test_measures_and_methods_are_those_that_a_study_writes() -> None:
    from polycypher.study.measure import MEASURES
    from polycypher.study.methods import methods

    assert tuple(reading.METRICS) == MEASURES
    written = [method.name for method in methods(["en", "es"], ["mlp", "shared-scorer"])]
    assert sorted(reading.methods({"languages": ["en", "es"]})) == sorted(written)
