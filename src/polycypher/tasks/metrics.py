"""Accuracy, macro-F1, and exact match and F1 of answers; values in [0, 1]. Knows nothing of files.

Answers are normalised by SQuAD 1.1's script (Rajpurkar et al., arXiv 1606.05250), with which TyDiQA-GoldP is
scored in every language (Clark et al., arXiv 2003.05002, §8; XTREME, arXiv 2003.11080, too), or by MLQA's
(Lewis et al., arXiv 1910.07475), which knows the punctuation of all scripts and the articles of a language.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

from polycypher.tasks.task import TaskExample

Normalise = Callable[[str, str], str]
"""(text, language) → text to compare."""

_ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ar": "ال",  # MLQA's script takes it out wherever it stands, inside words too
}
_CHINESE = re.compile(r"([一-龥])")
"""A character that MLQA counts as a word: U+4E00 to U+9FA5."""


def accuracy(examples: Sequence[TaskExample], predictions: Sequence[str]) -> dict[str, float]:
    """The share of predictions that are the label, blanks around and case aside."""
    right = sum(
        _plain(prediction) == _plain(example.answers[0])
        for example, prediction in zip(examples, predictions, strict=True)
    )
    return {"accuracy": right / len(examples)}


def macro_f1(examples: Sequence[TaskExample], predictions: Sequence[str]) -> dict[str, float]:
    """The mean over labels of F1 = 2·TP / (2·TP + FP + FN), and accuracy.

    The labels are those that gold or predictions hold. A prediction that is no label of the task misses
    its gold label and is no false positive of any.
    """
    gold = [_plain(example.answers[0]) for example in examples]
    said = [_plain(prediction) for prediction in predictions]
    labels = {_plain(choice) for example in examples for choice in example.choices}
    present = labels & {*gold, *said}
    hits = Counter(g for g, s in zip(gold, said, strict=True) if g == s)
    golds, saids = Counter(gold), Counter(said)
    scores = [2 * hits[name] / (golds[name] + saids[name]) for name in present]
    return {"macro_f1": sum(scores) / len(scores), **accuracy(examples, predictions)}


def answer_scores(
    examples: Sequence[TaskExample], predictions: Sequence[str], normalise: Normalise
) -> dict[str, float]:
    """Mean exact match and F1 over words, each the best over an example's accepted answers."""
    best = [
        (
            max(exact_match(gold, said, example.language, normalise) for gold in example.answers),
            max(word_f1(gold, said, example.language, normalise) for gold in example.answers),
        )
        for example, said in zip(examples, predictions, strict=True)
    ]
    return {
        "f1": sum(f1 for _, f1 in best) / len(best),
        "exact_match": sum(exact for exact, _ in best) / len(best),
    }


def exact_match(gold: str, prediction: str, language: str, normalise: Normalise) -> float:
    """1 if the normalised texts are the same, else 0."""
    return float(normalise(gold, language) == normalise(prediction, language))


def word_f1(gold: str, prediction: str, language: str, normalise: Normalise) -> float:
    """F1 of the words that the normalised texts share, each as often as in both.

    As in the scripts, 0 where nothing is shared, even of two texts without words.
    """
    first, second = normalise(gold, language).split(), normalise(prediction, language).split()
    shared = (Counter(first) & Counter(second)).total()
    return 2 * shared / (len(first) + len(second)) if shared else 0.0


def normalise_squad(text: str, language: str = "") -> str:
    """Lower case, without ASCII punctuation, English articles and surplus blanks, in every language alike."""
    kept = "".join(sign for sign in text.lower() if sign not in string.punctuation)
    return " ".join(re.sub(_ARTICLES["en"], " ", kept).split())


def normalise_mlqa(text: str, language: str) -> str:
    """Lower case, without punctuation of any script, the language's articles and surplus blanks.

    Chinese characters count as words. A language without a list of articles keeps its words.
    """
    kept = "".join(sign for sign in text.lower() if not _is_punctuation(sign))
    primary = language.split("-")[0]
    if primary in _ARTICLES:
        kept = re.sub(_ARTICLES[primary], " ", kept)
    if primary == "zh":
        kept = _CHINESE.sub(r" \1 ", kept)
    return " ".join(kept.split())


def _is_punctuation(sign: str) -> bool:
    return sign in string.punctuation or unicodedata.category(sign).startswith("P")


def _plain(label: str) -> str:
    return label.strip().casefold()
