"""Measuring predictions against gold queries, by text and by the rows they return.

Knows nothing of how the predictions were made.

Decisions, where papers differ:

- A gold query that fails on the database, or returns more rows than the limits let through, measures
  nothing: its predictions are scored by text only and counted in `gold_failed`.
- A prediction that is refused, rejected or too slow is wrong, and so is one whose result is cut short.
- Two empty results are equal; `empty_gold` and `execution_accuracy_nonempty` show how much rests on that.
- Gold orders its rows (`ordering.orders_rows`) → the prediction must return them in that order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from polycypher.corpus.example import Example
from polycypher.errors import CorpusError, GraphUnavailable
from polycypher.evaluation.execute import Execution, Executor, Outcome, Reader
from polycypher.evaluation.ordering import orders_rows
from polycypher.evaluation.prediction import Prediction
from polycypher.evaluation.report import Report, Score
from polycypher.evaluation.rows import exact_match, execution_accuracy, subset_accuracy
from polycypher.evaluation.text import cypher_rouge_l, rouge_l
from polycypher.graph.store import Result

Graphs = Reader | Executor | Mapping[str, Reader | Executor] | None
"""Where to run queries: one graph for all examples, one a database name, or none (text measures only)."""


def evaluate(
    predictions: Iterable[Prediction],
    examples: Iterable[Example],
    graphs: Graphs,
    *,
    progress: Callable[[], None] = lambda: None,
) -> Report:
    """Score predictions; those of one example are run together, its gold query once.

    Args:
        predictions: at most one for each example and language; not every example needs one.
        examples: the gold queries, with different ids.
        graphs: an `Executor` in place of a store keeps gold results for the next call. Examples of a
            database that the mapping lacks are scored by text only.
        progress: called after each prediction.

    Raises:
        CorpusError: two examples with one id, or a prediction that is there twice or for an unknown
            example or language.
        GraphUnavailable: the database goes away while it runs; a report would blame the predictions.
    """
    gold = _by_id(examples)
    executors = _Executors(graphs)
    scores: list[Score] = []
    for example_id, group in _group(predictions, gold).items():
        example = gold[example_id]
        executor = executors.of(example.database)
        reference = None if executor is None else _whole(_run_gold(executor, example))
        for prediction in group:
            score = _text_score(prediction, example)
            if executor is not None:
                score = _row_score(score, prediction, example, executor, reference)
            scores.append(score)
            progress()
    return Report(tuple(scores))


def self_check(examples: Iterable[Example], graphs: Graphs) -> int:
    """Run each gold query twice and score one run against the other; return how many were checked.

    A gold query that scores less than full against itself is either not deterministic or reveals a
    fault of the measure; neither may enter a benchmark. Examples without a database are passed over.

    Raises:
        CorpusError: a gold query fails, is cut short or differs from itself; the message names the example.
        GraphUnavailable: the database goes away.
    """
    executors = _Executors(graphs)
    checked = 0
    for example in _by_id(examples).values():
        executor = executors.of(example.database)
        if executor is None:
            continue
        first = _run_gold(executor, example, fresh=True)
        gold = _whole(first)
        if gold is None:
            reason = first.message or "it returns more rows than the limits let through"
            raise CorpusError(f"the gold query of example '{example.id}' cannot be measured: {reason}")
        second = _run_gold(executor, example, fresh=True)
        score = _with_rows(Score(example.id, "", 1.0, 1.0), example, gold, second)
        if not (score.exact_match and score.execution_accuracy and score.subset_accuracy):
            raise CorpusError(
                f"the gold query of example '{example.id}' returns other rows the second time; "
                "make it deterministic or leave it out"
            )
        checked += 1
    return checked


class _Executors:
    """One executor a graph, made at first use."""

    def __init__(self, graphs: Graphs) -> None:
        self._graphs = graphs
        self._made: dict[str, Executor] = {}

    def of(self, database: str) -> Executor | None:
        name = database if isinstance(self._graphs, Mapping) else ""
        graph = self._graphs.get(name) if isinstance(self._graphs, Mapping) else self._graphs
        if graph is None or isinstance(graph, Executor):
            return graph
        if name not in self._made:
            self._made[name] = Executor(graph)
        return self._made[name]


def _by_id(examples: Iterable[Example]) -> dict[str, Example]:
    found: dict[str, Example] = {}
    for example in examples:
        if found.setdefault(example.id, example) is not example:
            raise CorpusError(f"two examples have the id '{example.id}'; give each its own")
    return found


def _group(predictions: Iterable[Prediction], gold: Mapping[str, Example]) -> dict[str, list[Prediction]]:
    groups: defaultdict[str, list[Prediction]] = defaultdict(list)
    seen = set()
    for prediction in predictions:
        key = (prediction.example_id, prediction.language)
        if prediction.example_id not in gold:
            raise CorpusError(f"a prediction is for example '{key[0]}', which the examples do not hold")
        if prediction.language not in gold[prediction.example_id].questions:
            raise CorpusError(f"a prediction is for '{key[1]}', in which example '{key[0]}' has no question")
        if key in seen:
            raise CorpusError(f"example '{key[0]}' has two predictions for '{key[1]}'; keep one")
        seen.add(key)
        groups[prediction.example_id].append(prediction)
    return groups


def _run_gold(executor: Executor, example: Example, *, fresh: bool = False) -> Execution:
    execution = executor.run(example.cypher, fresh=fresh)
    if execution.outcome is Outcome.UNAVAILABLE:
        raise GraphUnavailable(
            f"the database went away at example '{example.id}': {execution.message}; "
            "start it and evaluate again"
        )
    return execution


def _text_score(prediction: Prediction, example: Example) -> Score:
    return Score(
        example_id=example.id,
        language=prediction.language,
        rouge_l=rouge_l(example.cypher, prediction.prediction),
        cypher_rouge_l=cypher_rouge_l(example.cypher, prediction.prediction),
        adapter=prediction.adapter,
    )


def _row_score(
    score: Score, prediction: Prediction, example: Example, executor: Executor, gold: Result | None
) -> Score:
    """The score with what running the prediction adds to it; `gold` is None where the gold query failed."""
    if gold is None:
        return replace(score, gold_failed=True)
    execution = executor.run(prediction.prediction)
    if execution.outcome is Outcome.UNAVAILABLE:
        # Did this query bring the server down, or is there none any more? Gold tells.
        _run_gold(executor, example, fresh=True)
    return _with_rows(score, example, gold, execution)


def _with_rows(score: Score, example: Example, gold: Result, execution: Execution) -> Score:
    """The score with its measures on rows: those of gold against those of the execution."""
    result = _whole(execution)
    rows = None if result is None else result.rows
    ordered = orders_rows(example.cypher)
    return replace(
        score,
        outcome=execution.outcome,
        gold_empty=not gold.rows,
        exact_match=rows is not None and exact_match(gold.rows, rows),
        execution_accuracy=rows is not None and execution_accuracy(gold.rows, rows, ordered=ordered),
        subset_accuracy=rows is not None and subset_accuracy(gold.rows, rows, ordered=ordered),
    )


def _whole(execution: Execution) -> Result | None:
    """The result if there is one and the limits did not cut it short."""
    result = execution.result
    return None if result is None or result.truncated else result
