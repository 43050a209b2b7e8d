"""Scores of two bundles on the same questions: what a new language does to the old ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from polycypher.corpus.example import Example
from polycypher.evaluation import Report
from polycypher.graph.connect import connect
from polycypher.graph.watch import Watch, unwatched
from polycypher.schema import GraphSchema
from polycypher.score import examples_for, score
from polycypher.translator.translator import Translator


def before_and_after(
    before: str | Path,
    after: str | Path,
    examples: Sequence[Example],
    schemas: Mapping[str, GraphSchema],
    graph: str | None,
    watch: Watch = unwatched,
) -> tuple[Report, Report]:
    """Score two bundles on the same examples: with `graph` by rows too, else by text alone.

    Raises:
        CorpusError: no example can be scored.
        ModelError, GraphError: a bundle or the graph cannot be opened.
    """
    reports = []
    with ExitStack() as stack:
        store = stack.enter_context(connect(graph)) if graph is not None else None
        chosen = examples_for(examples, graph)[0] if graph is not None else list(examples)
        for model in (before, after):
            with Translator.load(model) as translator:
                reports.append(score(chosen, translator, store=store, schemas=schemas, watch=watch))
    return reports[0], reports[1]
