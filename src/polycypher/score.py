"""Scoring a model on a corpus: every question translated, executed and compared with its gold query.

Joins `translator/` and `evaluation/`, which do not know each other. Knows nothing of terminals.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from polycypher.ask import open_both, prepare
from polycypher.corpus.example import Example
from polycypher.corpus.readers import read_examples, read_schemas
from polycypher.errors import CorpusError, PolycypherError, UsageError
from polycypher.evaluation import Prediction, Report, evaluate
from polycypher.fusion.modes import Mode
from polycypher.graph.store import GraphStore
from polycypher.graph.watch import Watch, unwatched
from polycypher.schema import GraphSchema
from polycypher.translator.translator import Request, Translator

_NAMED = 5
"""Databases that a message names at most."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A loaded model beside the examples it is to be scored on. A context manager that closes what it holds.

    Either `store` or `schemas` (database → schema) is there. `notices` are sentences for the user.
    """

    translator: Translator
    examples: Sequence[Example]
    store: GraphStore | None = None
    schemas: Mapping[str, GraphSchema] | None = None
    notices: tuple[str, ...] = ()

    def run(self, *, constrain: bool = True, watch: Watch = unwatched, keep: Path | None = None) -> Report:
        """Score; see `score`."""
        return score(
            self.examples,
            self.translator,
            store=self.store,
            schemas=self.schemas,
            constrain=constrain,
            watch=watch,
            keep=keep,
        )

    def close(self) -> None:
        """Close the model and the graph."""
        self.translator.close()
        if self.store is not None:
            self.store.close()

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_trial(
    corpus: Path,
    model: str | Path = "nano",
    *,
    graph: str | None = None,
    schemas: Path | None = None,
    languages: Sequence[str] | None = None,
    limit: int | None = None,
    mode: Mode = Mode.PRUNED,
    **access: str | None,
) -> Trial:
    """Read a corpus, and load what is needed to score a model on it.

    Args:
        corpus: the examples; see `corpus.readers.read_examples`.
        model: as for `Translator.load`.
        graph: the graph that queries are executed on, as for `connect`; its live schema is asked about.
        schemas: a JSONL file of schemas instead, for the measures on text alone.
        languages: only questions in these.
        limit: only the first so many examples.
        mode: how adapters are combined.
        access: `database`, `user` and `password` of a graph with a URI.

    Raises:
        UsageError: neither a graph nor schemas are named, or both.
        CorpusError: the corpus or the schemas cannot be read, or no example has a schema.
        Everything that `open_both` raises.
    """
    if (graph is None) == (schemas is None):
        raise UsageError("name either a graph with --graph, or schemas with --schemas")
    examples = read_examples(corpus, languages=languages)
    if graph is not None:
        chosen, others = examples_for(examples, graph)
        notice = f"{others} examples of other databases than '{graph}' are left out"
        translator, store, _ = open_both(model, graph, mode=mode, **access)
        return Trial(translator, chosen[:limit], store=store, notices=(notice,) if others else ())
    known = read_schemas(schemas) if schemas is not None else {}
    chosen = _with_schema(examples, known)
    others = len(examples) - len(chosen)
    notice = f"{others} examples of databases that {schemas} does not hold are left out"
    translator = Translator.load(model, mode=mode)
    return Trial(translator, chosen[:limit], schemas=known, notices=(notice,) if others else ())


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
    store: GraphStore | None = None,
    constrain: bool = True,
    progress: Callable[[], None] = lambda: None,
) -> Iterator[Prediction]:
    """A prediction for every question of the examples, database by database.

    With `store`, each question is prepared as `ask` does it: with the values that the graph stores.

    A question that cannot be used (empty, too long) gives an empty query, which counts as wrong.
    `progress` is called after each.

    Raises:
        PolycypherError: a question failed for another reason than itself.
    """

    def request(question: str, schema: GraphSchema) -> Request:
        if store is None:
            return Request(question, schema, constrain=constrain)
        try:
            return prepare(question, store, languages=translator.languages, constrain=constrain).request
        except UsageError:
            return Request(question, schema)  # the translator says the same of it, in its place

    ordered = sorted(examples, key=lambda e: e.database)
    for _, group in itertools.groupby(ordered, key=lambda e: e.database):
        alike = list(group)
        asked = [
            (example, language, question)
            for example in alike
            for language, question in example.questions.items()
        ]
        schema = schema_of(alike[0])
        made = translator.translate_requests(request(question, schema) for _, _, question in asked)
        for (example, language, _), translation in zip(asked, made, strict=True):
            if isinstance(translation, UsageError):
                yield Prediction(example.id, language, "", None)
            elif isinstance(translation, PolycypherError):
                raise translation
            else:
                yield Prediction(example.id, language, translation.cypher, dict(translation.weights))
            progress()


def score(
    examples: Sequence[Example],
    translator: Translator,
    *,
    store: GraphStore | None = None,
    schemas: Mapping[str, GraphSchema] | None = None,
    constrain: bool = True,
    watch: Watch = unwatched,
    keep: Path | None = None,
) -> Report:
    """Predict and evaluate.

    With `store`, queries are executed there and its live schema is asked about; without, `schemas` by
    database serve and only the measures on text are taken; examples of other databases are left out.
    `watch` follows the predictions, then their measuring. `keep` writes each prediction as it is made
    (JSONL).

    Raises:
        CorpusError: there is no example, or none with a schema.
    """
    if store is not None:
        live = store.schema()
        known = {example.database: live for example in examples}
    else:
        known = dict(schemas or {})
        examples = _with_schema(examples, known)
    if not examples:
        raise CorpusError("there is no example to score; give a corpus with questions about this graph")
    predictions: list[Prediction] = []
    total = sum(len(example.questions) for example in examples)
    with (
        open(keep, "w", encoding="utf-8") if keep else contextlib.nullcontext() as file,
        watch("translating", total) as advance,
    ):
        for made in predict(
            examples,
            translator,
            lambda e: known[e.database],
            store=store,
            constrain=constrain,
            progress=advance,
        ):
            predictions.append(made)
            if file is not None:
                file.write(json.dumps(made.to_dict(), ensure_ascii=False) + "\n")
    with watch("measuring", total) as advance:
        return evaluate(predictions, examples, store, progress=advance)


def _with_schema(examples: Sequence[Example], schemas: Mapping[str, GraphSchema]) -> list[Example]:
    """The examples whose database has a schema. Raises `CorpusError` where that is none of several."""
    found = [example for example in examples if example.database in schemas]
    if examples and not found:
        asked = _names(example.database for example in examples)
        raise CorpusError(
            f"no example's database has a schema: the examples are about {asked}, "
            f"the schemas describe {_names(schemas)}; "
            "give schemas of these databases with --schemas, or a graph with --graph"
        )
    return found


def _names(names: Iterable[str]) -> str:
    known = sorted({f"'{name}'" if name else "no named database" for name in names})
    shown = ", ".join(known[:_NAMED]) or "nothing"
    return f"{shown} and {len(known) - _NAMED} more" if len(known) > _NAMED else shown
