"""Scoring a model on a corpus: every question translated, executed and compared with its gold query.

Joins `translator/` and `evaluation/`, which do not know each other. Knows nothing of terminals.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from polycypher.corpus.example import Example
from polycypher.errors import CorpusError, UsageError
from polycypher.evaluation import Prediction, Report, evaluate
from polycypher.graph.store import GraphStore
from polycypher.schema import GraphSchema
from polycypher.translator.translator import Translator


def examples_for(examples: Sequence[Example], graph: str) -> tuple[list[Example], int]:
    """The examples that belong to a graph, and how many do not.

    If any example's `database` is the graph's name, only those count; a corpus that names no such
    database is taken to be about the graph as a whole.
    """
    own = [example for example in examples if example.database == graph]
    return (own, len(examples) - len(own)) if own else (list(examples), 0)


def predict(
    examples: Iterable[Example],
    translator: Translator,
    schema_of: Callable[[Example], GraphSchema],
    *,
    constrain: bool = True,
    progress: Callable[[], None] = lambda: None,
) -> Iterator[Prediction]:
    """A prediction for every question of the examples, database by database.

    A question that cannot be used (empty, too long) gives an empty query, which counts as wrong.
    """
    for example in sorted(examples, key=lambda e: e.database):
        schema = schema_of(example)
        for language, question in example.questions.items():
            try:
                made = translator.translate(question, schema, constrain=constrain)
                yield Prediction(example.id, language, made.cypher, dict(made.weights))
            except UsageError:
                yield Prediction(example.id, language, "", None)
            progress()


def score(
    examples: Sequence[Example],
    translator: Translator,
    *,
    store: GraphStore | None = None,
    schemas: Mapping[str, GraphSchema] | None = None,
    constrain: bool = True,
    progress: Callable[[], None] = lambda: None,
    keep: Path | None = None,
) -> Report:
    """Predict and evaluate.

    With `store`, queries are executed there and its live schema is asked about; without, `schemas` by
    database serve and only the measures on text are taken. `keep` writes each prediction as it is made
    (JSONL).

    Raises:
        CorpusError: no example has a schema.
    """
    if store is not None:
        live = store.schema()
        known = {example.database: live for example in examples}
    else:
        known = dict(schemas or {})
        examples = [example for example in examples if example.database in known]
    if not examples:
        raise CorpusError(
            "no example's database has a schema there; use --graph"
        )
    predictions = []
    with open(keep, "w", encoding="utf-8") if keep else contextlib.nullcontext() as file:
        for made in predict(
            examples, translator, lambda e: known[e.database], constrain=constrain, progress=progress
        ):
            predictions.append(made)
            if file is not None:
                row = {
                    "id": made.example_id,
                    "language": made.language,
                    "prediction": made.prediction,
                    "weights": made.weights,
                }
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return evaluate(predictions, examples, store)
