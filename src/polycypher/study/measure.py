"""Predictions to the numbers of `results.json`: every measure with its interval, and paired differences.

Gold against gold must score full before anything is measured. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from polycypher.corpus.example import Example
from polycypher.errors import CorpusError
from polycypher.evaluation import Interval, Prediction, Report, self_check
from polycypher.evaluation.execute import Executor
from polycypher.evaluation.intervals import paired_difference
from polycypher.graph.connect import connect
from polycypher.study.reading import METRICS

MEASURES = tuple(METRICS)
PAIRS = (
    ("fusion-mlp", "linear-factor"),
    ("fusion-mlp", "linear-exact"),
    ("fusion-mlp", "linear-peft"),
    ("fusion-shared-scorer", "linear-factor"),
    ("fusion-shared-scorer", "fusion-mlp"),
    ("fusion-mlp", "joint"),
    ("fusion-mlp", "base"),
    ("fusion-mlp", "fusion-top1"),
    ("fusion-merged", "fusion-mlp"),
    ("joint", "base"),
)
"""Pairs of methods whose difference is reported."""


@contextmanager
def open_graphs(graphs: Mapping[str, str]) -> Iterator[dict[str, Executor]]:
    """Executors by the corpus' database names; gold results are kept from method to method.

    Raises:
        GraphError: a graph cannot be opened.
    """
    with ExitStack() as stack:
        yield {
            database: Executor(stack.enter_context(connect(graph)), keep=4096)
            for database, graph in graphs.items()
        }


def check_gold(
    examples: Sequence[Example], graphs: Mapping[str, Executor]
) -> tuple[list[Example], dict[str, str]]:
    """Run every gold query against itself: (the examples to measure with, what was found wrong by id).

    A gold query that fails, is cut short or differs from itself cannot judge rows; its example keeps its
    measures on text alone.

    Raises:
        GraphUnavailable: the database goes away.
    """
    usable, wrong = [], {}
    for example in examples:
        try:
            self_check([example], graphs)
            usable.append(example)
        except CorpusError as error:
            wrong[example.id] = str(error)
            usable.append(replace(example, database=""))
    return usable, wrong


def scores(report: Report, languages: Sequence[str]) -> dict[str, dict[str, Any]]:
    """language or `avg` → measure → `value`, `low`, `high`, or None where nothing was measured."""
    found: dict[str, dict[str, Any]] = {}
    for code in (*languages, None):
        found[code or "avg"] = {measure: interval_of(report.interval(measure, code)) for measure in MEASURES}
    return found


def differences(reports: Mapping[str, Report], languages: Sequence[str]) -> dict[str, Any]:
    """`one - other` → language or `avg` → measure → the paired difference and its interval."""
    found: dict[str, Any] = {}
    for one, other in PAIRS:
        if one not in reports or other not in reports:
            continue
        found[f"{one} - {other}"] = {
            code or "avg": {
                measure: difference_of(reports[one], reports[other], measure, code) for measure in MEASURES
            }
            for code in (*languages, None)
        }
    return found


def routing(predictions: Sequence[Prediction], languages: Sequence[str]) -> dict[str, Any]:
    """Where one gate sends questions, for `results.json`.

    Args:
        predictions: with their weights; those without are left out.
        languages: of the questions, in the order of the tables.

    Returns:
        `confusion` (language → adapter → share of its questions in which that adapter weighs most) and
        `top` (language → the largest weight of each question).
    """
    weighed = [made for made in predictions if made.weights]
    confusion: dict[str, dict[str, float]] = {}
    top: dict[str, list[float]] = {}
    for code in languages:
        own = [made for made in weighed if made.language == code]
        if not own:
            continue
        names = list(own[0].weights or {})
        confusion[code] = {name: sum(made.adapter == name for made in own) / len(own) for name in names}
        top[code] = [round(max((made.weights or {}).values()), 4) for made in own]
    return {"confusion": confusion, "top": top}


def difference_of(one: Report, other: Report, measure: str, language: str | None) -> dict[str, float] | None:
    """The paired difference of two methods on the questions that both answered; None where there are none."""
    first, second = one.values(measure, language), other.values(measure, language)
    both = [name for name in first if name in second]
    if not both:
        return None
    return interval_of(paired_difference([first[n] for n in both], [second[n] for n in both]))


def interval_of(interval: Interval | None) -> dict[str, float] | None:
    """`value`, `low` and `high`, rounded; None where nothing was measured."""
    if interval is None:
        return None
    return {name: round(float(getattr(interval, name)), 5) for name in ("value", "low", "high")}
