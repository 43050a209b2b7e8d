"""Scoring predictions against gold, with a graph that answers from a table of queries."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from polycypher.corpus.example import Example
from polycypher.errors import (
    CorpusError,
    GraphUnavailable,
    GuardError,
    PolycypherError,
    QueryRejected,
    QueryTimeout,
)
from polycypher.evaluation.evaluate import evaluate, self_check
from polycypher.evaluation.execute import Executor, Outcome
from polycypher.evaluation.prediction import Prediction
from polycypher.evaluation.report import Score
from polycypher.graph.store import Limits, Result
from polycypher.graph.values import Value

Rows = tuple[tuple[Value, ...], ...]


class Graph:
    """Knows the rows, or the error, of each query it is asked."""

    def __init__(
        self, answers: dict[str, Rows | PolycypherError], truncated: frozenset[str] = frozenset()
    ) -> None:
        self.answers = answers
        self.truncated = truncated
        self.asked: list[str] = []

    def read(self, query: str, *, limits: Limits) -> Result:
        self.asked.append(query)
        answer = self.answers[query]
        if isinstance(answer, PolycypherError):
            raise answer
        return Result((), answer, query in self.truncated, 0.1)


FILMS: Rows = (("Heat", 1995), ("Ronin", 1998))
GOLD = "MATCH (m:Movie) RETURN m.title, m.year"
ORDERED = "MATCH (m:Movie) RETURN m.title, m.year ORDER BY m.year"
ANSWERS: dict[str, Rows | PolycypherError] = {
    GOLD: FILMS,
    ORDERED: FILMS,
    "same rows": FILMS,
    "turned": FILMS[::-1],
    "columns turned": tuple((year, title) for title, year in FILMS),
    "wider": tuple((*row, 0) for row in FILMS),
    "narrower": tuple(row[:1] for row in FILMS),
    "wrong": (("Heat", 1995),),
    "empty": (),
    "nothing": (),
    "write": GuardError("it writes"),
    "broken": QueryRejected("no such thing"),
    "slow": QueryTimeout("too slow"),
    "gone": GraphUnavailable("no answer"),
}


def example(cypher: str = GOLD, *, id: str = "one", database: str = "films") -> Example:
    return Example(id, database, {"en": "which?", "tr": "hangi?"}, cypher)


def score(prediction: str, gold: str = GOLD, truncated: frozenset[str] = frozenset()) -> Score:
    graph = Graph(ANSWERS, truncated)
    (only,) = evaluate([Prediction("one", "en", prediction)], [example(gold)], graph).scores
    return only


@pytest.mark.parametrize(
    ("prediction", "exact", "ex", "subset"),
    [
        (GOLD, True, True, True),
        ("same rows", True, True, True),
        ("turned", True, True, True),
        ("columns turned", False, True, True),
        ("wider", False, False, True),
        ("narrower", False, False, False),
        ("wrong", False, False, False),
        ("empty", False, False, False),
    ],
)
def test_measures_on_rows(prediction: str, exact: bool, ex: bool, subset: bool) -> None:
    found = score(prediction)
    assert (found.exact_match, found.execution_accuracy, found.subset_accuracy) == (exact, ex, subset)
    assert found.executable


def test_order_counts_where_gold_orders() -> None:
    assert score("columns turned", ORDERED).execution_accuracy
    assert score("turned", ORDERED).execution_accuracy is False
    assert score("turned", ORDERED).exact_match


@pytest.mark.parametrize(
    ("prediction", "outcome"),
    [
        ("write", Outcome.REFUSED),
        ("broken", Outcome.REJECTED),
        ("slow", Outcome.TIMEOUT),
        ("gone", Outcome.UNAVAILABLE),
    ],
)
def test_a_prediction_that_does_not_run_is_wrong(prediction: str, outcome: Outcome) -> None:
    found = score(prediction)
    assert found.outcome is outcome
    assert (found.executable, found.exact_match, found.execution_accuracy) == (False, False, False)


def test_empty_equals_empty_and_is_counted_apart() -> None:
    found = score("nothing", gold="empty")
    assert found.gold_empty
    assert found.execution_accuracy
    assert found.execution_accuracy_nonempty is None
    assert score("wrong", gold="empty").execution_accuracy is False


@pytest.mark.parametrize("gold", ["broken", "slow", "write"])
def test_a_failed_gold_measures_text_only(gold: str) -> None:
    found = score("same rows", gold=gold)
    assert found.gold_failed
    assert (found.outcome, found.execution_accuracy, found.executable) == (None, None, None)


def test_a_result_cut_short_is_not_compared() -> None:
    assert score("same rows", truncated=frozenset({GOLD})).gold_failed
    assert score("same rows", truncated=frozenset({"same rows"})).execution_accuracy is False


def test_gold_is_run_once_for_all_languages_and_calls() -> None:
    graph = Graph(ANSWERS)
    executor = Executor(graph)
    predictions = [Prediction("one", "en", "wrong"), Prediction("one", "tr", "same rows")]
    for _ in range(2):
        evaluate(predictions, [example()], executor)
    assert graph.asked.count(GOLD) == 1
    assert executor.run(GOLD).result is not None


def test_each_example_is_run_on_its_own_database() -> None:
    films, other = Graph({GOLD: FILMS, "p": FILMS}), Graph({GOLD: (), "p": FILMS})
    examples = [example(), example(id="two", database="other"), example(id="three", database="absent")]
    report = evaluate(
        [Prediction(one.id, "en", "p") for one in examples], examples, {"films": films, "other": other}
    )
    assert [found.execution_accuracy for found in report.scores] == [True, False, None]
    assert report.languages["en"].executed == 2


def test_without_a_graph_only_text_is_measured() -> None:
    report = evaluate([Prediction("one", "en", GOLD)], [example()], None)
    assert report.scores[0] == Score("one", "en", 1.0, 1.0)


@pytest.mark.parametrize(
    ("predictions", "names"),
    [
        ([Prediction("two", "en", "x")], "two"),
        ([Prediction("one", "de", "x")], "de"),
        ([Prediction("one", "en", "x")] * 2, "two predictions"),
    ],
)
def test_predictions_that_fit_no_question_are_refused(predictions: list[Prediction], names: str) -> None:
    with pytest.raises(CorpusError, match=names):
        evaluate(predictions, [example()], None)


def test_two_examples_with_one_id_are_refused() -> None:
    with pytest.raises(CorpusError, match="one"):
        evaluate([], [example(), replace(example(), cypher="other")], None)


def test_a_database_that_is_gone_ends_the_evaluation() -> None:
    with pytest.raises(GraphUnavailable, match="one"):
        evaluate([Prediction("one", "en", "wrong")], [example("gone")], Graph(ANSWERS))


def test_a_database_that_goes_after_gold_ends_the_evaluation_too() -> None:
    class Dying(Graph):
        def read(self, query: str, *, limits: Limits) -> Result:
            if self.asked:
                raise GraphUnavailable("no answer")
            return super().read(query, limits=limits)

    with pytest.raises(GraphUnavailable, match="one"):
        evaluate([Prediction("one", "en", "wrong")], [example()], Dying(ANSWERS))


def test_predictions_of_a_failed_gold_are_not_run() -> None:
    graph = Graph(ANSWERS)
    evaluate([Prediction("one", "en", "slow")], [example("broken")], graph)
    assert graph.asked == ["broken"]


def test_self_check_runs_every_gold_query_twice() -> None:
    graph = Graph(ANSWERS)
    examples = [example(), example(ORDERED, id="two"), example("empty", id="three")]
    assert self_check(examples, graph) == 3
    assert graph.asked == [GOLD, GOLD, ORDERED, ORDERED, "empty", "empty"]
    assert self_check(examples, {}) == 0


@pytest.mark.parametrize("gold", ["broken", "slow", "write"])
def test_self_check_names_a_gold_query_that_fails(gold: str) -> None:
    with pytest.raises(CorpusError, match="'bad'"):
        self_check([example(), example(gold, id="bad")], Graph(ANSWERS))


def test_self_check_names_a_gold_query_that_is_cut_short() -> None:
    with pytest.raises(CorpusError, match=r"'one'.*limits"):
        self_check([example()], Graph(ANSWERS, frozenset({GOLD})))


def test_self_check_names_a_gold_query_that_is_not_deterministic() -> None:
    class Dice(Graph):
        throws = itertools.count()

        def read(self, query: str, *, limits: Limits) -> Result:
            return Result((), ((next(self.throws),),), False, 0.1)

    with pytest.raises(CorpusError, match="'one'"):
        self_check([example()], Dice({}))
