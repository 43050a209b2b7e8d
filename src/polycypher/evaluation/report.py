"""`Report`: the scores of a set of predictions, summed up by question language.

Knows nothing of databases or predictions' text; everything is derived from the scores it is given.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from polycypher.errors import UsageError
from polycypher.evaluation.execute import Outcome
from polycypher.evaluation.intervals import Interval, bootstrap

METRICS = (
    "rouge_l",
    "cypher_rouge_l",
    "exact_match",
    "execution_accuracy",
    "subset_accuracy",
    "execution_accuracy_nonempty",
    "executable",
)
"""Names of the measures a `Score` has; each is a share in [0, 1] when averaged."""


@dataclass(frozen=True, slots=True)
class Score:
    """What one prediction scored.

    `outcome` and the measures on rows are None where there was nothing to compare with: no database
    for the example, or a gold query that failed there (`gold_failed`). A prediction that fails to run
    has an outcome and is wrong.
    """

    example_id: str
    language: str
    rouge_l: float
    cypher_rouge_l: float
    outcome: Outcome | None = None
    exact_match: bool | None = None
    execution_accuracy: bool | None = None
    subset_accuracy: bool | None = None
    gold_failed: bool = False
    gold_empty: bool = False
    adapter: str | None = None

    @property
    def execution_accuracy_nonempty(self) -> bool | None:
        """EX where the gold query returns rows; None where it returns none."""
        return None if self.gold_empty else self.execution_accuracy

    @property
    def executable(self) -> bool | None:
        """Whether the prediction ran to its end."""
        return None if self.outcome is None else self.outcome is Outcome.OK


@dataclass(frozen=True, slots=True)
class LanguageReport:
    """Sums and means over the predictions of one language.

    Means are shares in [0, 1], or None where nothing could be measured. `rouge_l` and `cypher_rouge_l`
    are over all `count` predictions; the rest is over the `executed` ones, those whose gold query ran.
    An empty gold result with an empty prediction counts as right in `execution_accuracy`; that is why
    `execution_accuracy_nonempty`, without the `empty_gold` examples, stands beside it.
    """

    count: int
    rouge_l: float | None
    cypher_rouge_l: float | None
    exact_match: float | None
    execution_accuracy: float | None
    subset_accuracy: float | None
    execution_accuracy_nonempty: float | None
    executable: float | None
    executed: int
    empty_gold: int
    gold_failed: int
    outcomes: Mapping[str, int]

    @property
    def timeouts(self) -> int:
        """Predictions that ran past the time limit."""
        return self.outcomes.get(Outcome.TIMEOUT.value, 0)

    @classmethod
    def from_scores(cls, scores: Sequence[Score]) -> LanguageReport:
        """Sum up scores of one language."""
        outcomes = Counter(score.outcome.value for score in scores if score.outcome is not None)
        return cls(
            count=len(scores),
            executed=sum(outcomes.values()),
            empty_gold=sum(score.gold_empty for score in scores),
            gold_failed=sum(score.gold_failed for score in scores),
            outcomes={outcome.value: outcomes[outcome.value] for outcome in Outcome},
            **{metric: _mean(_values(scores, metric)) for metric in METRICS},
        )


@dataclass(frozen=True, slots=True)
class Report:
    """All scores of one evaluation; the summary by language is derived."""

    scores: tuple[Score, ...]

    @property
    def languages(self) -> dict[str, LanguageReport]:
        """The summary of each question language, sorted by code."""
        groups: defaultdict[str, list[Score]] = defaultdict(list)
        for score in self.scores:
            groups[score.language].append(score)
        return {language: LanguageReport.from_scores(groups[language]) for language in sorted(groups)}

    @property
    def routing(self) -> dict[str, dict[str, float]]:
        """Question language → adapter → share of its questions in which that adapter weighs most.

        Predictions without weights are left out; so is a language that has none with weights.
        """
        chosen: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for score in self.scores:
            if score.adapter is not None:
                chosen[score.language][score.adapter] += 1
        adapters = sorted({adapter for counts in chosen.values() for adapter in counts})
        return {
            language: {adapter: chosen[language][adapter] / chosen[language].total() for adapter in adapters}
            for language in sorted(chosen)
        }

    def values(self, metric: str, language: str | None = None) -> dict[str, float]:
        """Example id → its value of a measure, averaged over languages unless one is named.

        Parallel questions of one example are not independent; averaging them first keeps an interval
        over examples honest. Examples without a value are left out.

        Raises:
            UsageError: no measure has that name.
        """
        if metric not in METRICS:
            raise UsageError(f"no measure is called '{metric}'; choose from {', '.join(METRICS)}")
        by_example: defaultdict[str, list[float]] = defaultdict(list)
        for score in self.scores:
            if language is None or score.language == language:
                by_example[score.example_id].extend(_values((score,), metric))
        return {name: sum(values) / len(values) for name, values in by_example.items() if values}

    def interval(
        self, metric: str, language: str | None = None, *, samples: int = 2000, seed: int = 0
    ) -> Interval | None:
        """Mean of a measure with its 95 % bootstrap interval, or None where nothing was measured.

        Raises:
            UsageError: no measure has that name.
        """
        values = list(self.values(metric, language).values())
        return bootstrap(values, samples=samples, seed=seed) if values else None

    def to_json(self) -> dict[str, Any]:
        """The summary in its stable form: `languages` and `routing`, measures None where not measured."""
        names = (
            "count",
            "rouge_l",
            "cypher_rouge_l",
            "exact_match",
            "execution_accuracy",
            "subset_accuracy",
            "executable",
            "empty_gold",
            "timeouts",
        )
        return {
            "languages": {
                language: {name: getattr(summary, name) for name in names}
                for language, summary in self.languages.items()
            },
            "routing": self.routing,
        }

    def details(self) -> dict[str, dict[str, Any]]:
        """What `to_json` leaves out, by language: counts of gold failures and outcomes, EX over
        non-empty gold results, and a 95 % interval `[low, high]` for every measure."""
        return {
            language: {
                "executed": summary.executed,
                "gold_failed": summary.gold_failed,
                "outcomes": dict(summary.outcomes),
                "execution_accuracy_nonempty": summary.execution_accuracy_nonempty,
                "intervals": {
                    metric: [interval.low, interval.high]
                    for metric in METRICS
                    if (interval := self.interval(metric, language)) is not None
                },
            }
            for language, summary in self.languages.items()
        }


def _values(scores: Iterable[Score], metric: str) -> list[float]:
    return [float(value) for score in scores if (value := getattr(score, metric)) is not None]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
