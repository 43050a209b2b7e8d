"""Scoring a model on a corpus: every question translated, executed and compared with its gold query.

Joins `translator/` and `evaluation/`, which do not know each other. Knows nothing of terminals.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from polycypher.corpus.example import Example
from polycypher.errors import CorpusError
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
    languages: Sequence[str] | None = None,
    constrain: bool = True,
    progress: Callable[[], None] = lambda: None,
) -> list[Prediction]:
    """A prediction for every question of the examples (in `languages`, or in all they have)."""
    predictions = []
    for example in sorted(examples, key=lambda e: e.database):
        schema = schema_of(example)
        for language, question in example.questions.items():
            if languages is not None and language not in languages:
                continue
            made = translator.translate(question, schema, constrain=constrain)
            predictions.append(Prediction(example.id, language, made.cypher, dict(made.weights)))
            progress()
    return predictions


def score(
    examples: Sequence[Example],
    translator: Translator,
    *,
    store: GraphStore | None = None,
    schemas: Mapping[str, GraphSchema] | None = None,
    languages: Sequence[str] | None = None,
    constrain: bool = True,
    progress: Callable[[], None] = lambda: None,
    keep: Path | None = None,
) -> Report:
    """Predict and evaluate.

    With `store`, queries are executed there and its live schema is asked about; without, `schemas` by
    database serve and only the measures on text are taken. `keep` writes the predictions as JSONL.

    Raises:
        CorpusError: no example has a schema.
    """
    if store is not None:
        live = store.schema()
        predictions = predict(
            examples, translator, lambda _: live, languages=languages, constrain=constrain, progress=progress
        )
    else:
        known = schemas or {}
        examples = [example for example in examples if example.database in known]
        if not examples:
            raise CorpusError(
                "no example's database has a schema in the schemas file; name one with --graph instead"
            )
        predictions = predict(
            examples,
            translator,
            lambda example: known[example.database],
            languages=languages,
            constrain=constrain,
            progress=progress,
        )
    if keep is not None:
        lines = [
            json.dumps(
                {
                    "id": p.example_id,
                    "language": p.language,
                    "prediction": p.prediction,
                    "weights": p.weights,
                },
                ensure_ascii=False,
            )
            for p in predictions
        ]
        keep.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return evaluate(predictions, examples, store)
