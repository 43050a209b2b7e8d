"""The paper's figures: what is known, what is not, and that its parts agree with one another."""

from __future__ import annotations

import pytest

from polycypher.study import paper


def test_figures_of_the_paper() -> None:
    assert [paper.figure("base", "rouge_l", language) for language in ("en", "es", "tr")] == [
        0.65,
        0.60,
        0.55,
    ]
    averages = [
        paper.figure(method, "rouge_l") for method in ("base", "linear-factor", "fusion-mlp", "joint")
    ]
    assert averages == [0.60, 0.75, 0.79, 0.85]


@pytest.mark.parametrize(
    ("method", "metric", "language"),
    [
        ("fusion-mlp", "rouge_l", "tr"),
        ("fusion-mlp", "exact_match", "avg"),
        ("linear-exact", "rouge_l", "avg"),
        ("linear-peft", "rouge_l", "avg"),
        ("fusion-shared-scorer", "rouge_l", "avg"),
        ("base", "rouge_l", "de"),
    ],
)
def test_no_figure_is_invented(method: str, metric: str, language: str) -> None:
    assert paper.figure(method, metric, language) is None


def test_base_average_is_the_mean_of_its_languages() -> None:
    base = paper.SCORES["rouge_l"]["base"]
    assert sum(base[language] for language in paper.LANGUAGES) / 3 == pytest.approx(base["avg"])


@pytest.mark.parametrize("method", ["linear-factor", "fusion-mlp"])
def test_shares_follow_from_the_averages_as_the_paper_rounds(method: str) -> None:
    average = paper.SCORES["rouge_l"]
    gain = average["joint"]["avg"] - average["base"]["avg"]
    share = (average[method]["avg"] - average["base"]["avg"]) / gain
    assert paper.recovered(method, "rouge_l") == pytest.approx(share, abs=0.011)  # 0.60 and 0.76


def test_share_is_known_for_average_rouge_alone() -> None:
    assert paper.recovered("fusion-mlp", "rouge_l", "es") is None
    assert paper.recovered("fusion-mlp", "execution_accuracy") is None
    assert paper.recovered("linear-exact", "rouge_l") is None


def test_samples_of_the_nth_language_follow_from_adapter_and_gate() -> None:
    for step in range(1, 5):
        gate = paper.GATE_SAMPLES * step if step > 1 else 0  # one adapter needs no gate
        assert paper.samples(step) == (paper.ADAPTER_SAMPLES * step, paper.ADAPTER_SAMPLES + gate)
    assert paper.samples(5) is None
    assert paper.samples(0) is None


def test_example_weights_sum_to_one_and_prefer_their_own_language() -> None:
    for language, weights in paper.WEIGHTS.items():
        assert sum(weights.values()) == pytest.approx(1.0)
        assert max(weights, key=weights.__getitem__) == language
