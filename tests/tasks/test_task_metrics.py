"""The metrics against computations by hand."""

from __future__ import annotations

import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.tasks.metrics import (
    accuracy,
    answer_scores,
    exact_match,
    macro_f1,
    normalise_mlqa,
    normalise_squad,
    word_f1,
)
from polycypher.tasks.task import TaskExample

LABELS = ("negative", "neutral", "positive")
SAID = st.sampled_from([*LABELS, " Positive\n", "no label", ""])


def labelled(*gold: str) -> list[TaskExample]:
    return [TaskExample(str(number), "en", "t", (label,), LABELS) for number, label in enumerate(gold)]


def test_accuracy_ignores_case_and_blanks_around() -> None:
    assert accuracy(labelled(*LABELS, "neutral"), [" Negative", "NEUTRAL\n", "neutral", "neutral."]) == {
        "accuracy": 0.5
    }


def test_macro_f1_by_hand() -> None:
    gold = labelled("negative", "negative", "neutral", "positive", "positive", "positive")
    said = ["negative", "neutral", "neutral", "positive", "negative", "what"]
    # negative: TP 1, FP 1, FN 1; neutral: TP 1, FP 1, FN 0; positive: TP 1, FP 0, FN 2
    assert macro_f1(gold, said)["macro_f1"] == pytest.approx((2 / 4 + 2 / 3 + 2 / 4) / 3)
    assert macro_f1(gold, said)["accuracy"] == pytest.approx(3 / 6)


@given(st.lists(st.tuples(st.sampled_from(LABELS), SAID), min_size=1, max_size=30))
def test_macro_f1_is_the_mean_of_the_labels_precision_and_recall(pairs: list[tuple[str, str]]) -> None:
    gold = [pair[0] for pair in pairs]
    said = [pair[1].strip().lower() for pair in pairs]
    scores = []
    for label in LABELS:
        if label not in (*gold, *said):
            continue
        both = sum(g == s == label for g, s in zip(gold, said, strict=True))
        precision = both / said.count(label) if label in said else 0.0
        recall = both / gold.count(label) if label in gold else 0.0
        scores.append(2 * precision * recall / (precision + recall) if both else 0.0)
    found = macro_f1(labelled(*gold), [pair[1] for pair in pairs])
    assert found["macro_f1"] == pytest.approx(sum(scores) / len(scores))


@given(st.lists(st.sampled_from(LABELS), min_size=1, max_size=9))
def test_gold_against_gold_is_one(gold: list[str]) -> None:
    assert macro_f1(labelled(*gold), gold) == {"macro_f1": 1.0, "accuracy": 1.0}


@pytest.mark.parametrize(
    ("text", "language", "squad", "mlqa"),
    [
        ("The  Cat, a dog!", "en", "cat dog", "cat dog"),
        ("Der Hund", "de", "der hund", "hund"),
        ("los gatos", "es", "los gatos", "gatos"),
        ("theatre an", "en", "theatre", "theatre"),
        ("«город»", "ru", "«город»", "город"),
        ("এক।", "bn", "এক।", "এক"),
        ("البيت", "ar", "البيت", "بيت"),
        ("北京 2008年。", "zh", "北京 2008年。", "北 京 2008 年"),
        ("the-end", "en", "theend", "theend"),
        ("cái nhà", "vi", "cái nhà", "nhà"),
    ],
)
def test_normalisations(text: str, language: str, squad: str, mlqa: str) -> None:
    assert normalise_squad(text, language) == squad
    assert normalise_mlqa(text, language) == mlqa


def test_f1_of_words_by_hand() -> None:
    # shared: new, york; 2 of 3 words said, 2 of 2 of the answer
    assert word_f1("New York", "in New York!", "en", normalise_squad) == pytest.approx(2 * 2 / (2 + 3))
    # a word counts as often as in both
    assert word_f1("ha ha", "ha", "en", normalise_squad) == pytest.approx(2 / 3)
    assert word_f1("yes", "no", "en", normalise_squad) == 0.0
    assert exact_match("The York", "york.", "en", normalise_squad) == 1.0
    assert exact_match("York", "New York", "en", normalise_squad) == 0.0
    # as in the scripts: texts without words are the same, and share none
    assert exact_match("the", "a", "en", normalise_squad) == 1.0
    assert word_f1("the", "a", "en", normalise_squad) == 0.0


def test_the_best_of_the_accepted_answers_counts() -> None:
    examples = [
        TaskExample("1", "en", "t", ("1990", "in 1990 or so")),
        TaskExample("2", "fi", "t", ("Turku",)),
    ]
    found = answer_scores(examples, ["in 1990", "Helsinki"], normalise_squad)
    assert found == {"f1": pytest.approx((2 * 2 / (2 + 4)) / 2), "exact_match": 0.0}
    assert answer_scores(examples, ["1990", "turku."], normalise_squad) == {"f1": 1.0, "exact_match": 1.0}


ANSWER = st.text(alphabet=string.ascii_letters + " .,'«»다", max_size=20)


@pytest.mark.parametrize("normalise", [normalise_squad, normalise_mlqa])
@given(gold=ANSWER, said=ANSWER, language=st.sampled_from(["en", "de", "ko"]))
def test_normalising_twice_changes_nothing_and_f1_is_symmetric(
    normalise: Callable[[str, str], str], gold: str, said: str, language: str
) -> None:
    once = normalise(gold, language)
    assert normalise(once, language) == once
    assert word_f1(gold, said, language, normalise) == word_f1(said, gold, language, normalise)
    assert 0.0 <= word_f1(gold, said, language, normalise) <= 1.0
    if once:
        assert word_f1(gold, gold, language, normalise) == 1.0
