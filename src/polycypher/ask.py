"""The one room where model meets database: a question becomes an `Answer`.

Question → `Translator` → guard → graph → rows. Knows nothing of terminals or HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread
from typing import Any

from polycypher.cypher.dialect import lacking
from polycypher.errors import PolycypherError, QueryError, QueryRejected
from polycypher.fusion.modes import Mode
from polycypher.graph.connect import connect
from polycypher.graph.store import GraphStore, Limits
from polycypher.graph.values import to_json
from polycypher.notices import Notice
from polycypher.translator.grounding import candidates
from polycypher.translator.intent import asks_for_change
from polycypher.translator.translator import Request, Translation, Translator, check_question

LONGEST_REASON = 200
"""Characters of a database's message that a repair is told."""
STAGES = ("load", "gate", "decode", "execute")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question or a query gave.

    `question` and `weights` are None for a query of the user's own. `elapsed_ms` has the stages `load`,
    `gate`, `decode` and `execute`. `notices` are sentences for the user.
    """

    cypher: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    truncated: bool = False
    question: str | None = None
    weights: Mapping[str, float] | None = None
    elapsed_ms: Mapping[str, float] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able form, as `polycypher ask --json` prints it."""
        value: dict[str, Any] = {} if self.question is None else {"question": self.question}
        value["cypher"] = self.cypher
        if self.weights is not None:
            value["weights"] = {language: round(weight, 6) for language, weight in self.weights.items()}
        value["columns"] = list(self.columns)
        value["rows"] = [[to_json(cell) for cell in row] for row in self.rows]
        value["truncated"] = self.truncated
        value["elapsed_ms"] = {stage: round(self.elapsed_ms.get(stage, 0.0), 1) for stage in STAGES}
        return value


def open_graph(graph: str = "demo", **access: str | None) -> tuple[GraphStore, float]:
    """Open a graph; returns it and the milliseconds it took. `access` and errors as for `connect`."""
    began = time.perf_counter()
    store = connect(graph, **access)
    return store, 1000 * (time.perf_counter() - began)


def open_both(
    model: str | Path = "nano",
    graph: str = "demo",
    *,
    mode: Mode = Mode.PRUNED,
    **access: str | None,
) -> tuple[Translator, GraphStore, float]:
    """Load a model and open a graph at the same time; returns both and the milliseconds it took.

    `access` holds `database`, `user` and `password` for a URI. When one fails, or the user interrupts,
    nobody waits for the other: it is closed as soon as it is there. Should the process end before that,
    an embedded server ends with it, because nobody holds the server's folder any more.

    Raises:
        Everything that `Translator.load` and `connect` raise.
    """
    began = time.perf_counter()
    opening = _opening(graph, access)
    try:
        translator = Translator.load(model, mode=mode)
        try:
            store = opening.result()
        except BaseException:
            translator.close()
            raise
    except BaseException:
        opening.add_done_callback(_close_opened)
        raise
    return translator, store, 1000 * (time.perf_counter() - began)


def _opening(graph: str, access: Mapping[str, str | None]) -> Future[GraphStore]:
    """The graph that a thread of its own opens.

    A daemon, and so no thread of `concurrent.futures`: those are waited for when the process ends.
    """
    opening: Future[GraphStore] = Future()

    def work() -> None:
        try:
            opening.set_result(connect(graph, **access))
        except BaseException as error:
            opening.set_exception(error)

    Thread(target=work, name=f"opening {graph}", daemon=True).start()
    return opening


def _close_opened(opening: Future[GraphStore]) -> None:
    if opening.exception() is None:
        opening.result().close()


def ask(
    question: str,
    translator: Translator,
    store: GraphStore,
    *,
    language: str | None = None,
    constrain: bool = True,
    mode: Mode | None = None,
    on_text: Callable[[str], None] | None = None,
    limits: Limits | None = None,
    execute: bool = True,
    load_ms: float = 0.0,
) -> Answer:
    """Answer a question from a graph. A query that the database rejects goes back once, to be repaired.

    Args:
        question: in any language.
        translator: the loaded model.
        store: the graph.
        language: this language's adapter alone; None asks the gate.
        constrain: decode only queries that are valid for the schema.
        mode: how adapters are combined; the translator's own if None.
        on_text: told of the query's text so far at every token.
        limits: rows, seconds and bytes; the store's own if None.
        execute: False stops at the query.
        load_ms: what loading took, for the answer's times.

    Raises:
        UsageError, SchemaError: the question or the graph's schema cannot be used.
        QueryError: the guard or the database refused the query, or it ran too long.
        GraphError: the database cannot be reached.
    """
    prepared = prepare(
        question,
        store,
        languages=translator.languages,
        language=language,
        constrain=constrain,
        mode=mode,
        on_text=on_text,
    )
    made = translator.translate_batch([prepared.request])[0]
    if isinstance(made, PolycypherError):
        raise made
    try:
        return finish(made, prepared, store, limits=limits, execute=execute, load_ms=load_ms)
    except QueryRejected as error:
        again = repair(prepared, made, error)
        better = translator.translate_batch([again.request])[0]
        if isinstance(better, PolycypherError) or better.cypher == made.cypher:
            raise
        try:
            return finish(better, again, store, limits=limits, load_ms=load_ms)
        except QueryError:
            raise error from None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question that is ready for the model, and the milliseconds its schema and stored values took.

    `question` is as asked; the request's has stored values in the place of misspelt or translated ones.
    `notices` are sentences for the user about that, and about the schema.
    """

    question: str
    request: Request
    notices: tuple[str, ...]
    schema_ms: float
    stored_ms: float


def prepare(
    question: str,
    store: GraphStore,
    *,
    languages: Sequence[str] = (),
    language: str | None = None,
    constrain: bool = True,
    mode: Mode | None = None,
    on_text: Callable[[str], None] | None = None,
) -> Prepared:
    """Check a question and look up what the graph knows about it: the first third of `ask`.

    A text of the question that is nearly a stored value, or names one in another language, is replaced by it,
    unless `constrain` is false.

    Args:
        question: in any language.
        store: the graph.
        languages: those of the model, whose names of countries, languages and months are understood.
        language, constrain, mode, on_text: as for `ask`.

    Raises:
        UsageError, GraphError: as for `ask`.
    """
    question = check_question(question)
    began = time.perf_counter()
    schema = store.schema()
    read = time.perf_counter()
    said, stored, notices = question, None, store.schema_notices
    if constrain and schema:
        texts = candidates(question)
        stored = store.stored(question, texts)
        near = store.near(question, texts, stored, languages=languages)
        said, stored, notices = near.question, stored | near.homes, notices + near.notices
    return Prepared(
        question,
        Request(
            said,
            schema,
            language,
            constrain,
            stored,
            mode,
            on_text,
            without=lacking(store.dialect) if constrain else frozenset(),
        ),
        notices,
        1000 * (read - began),
        1000 * (time.perf_counter() - read),
    )


def repair(prepared: Prepared, made: Translation, error: QueryRejected) -> Prepared:
    """The question again, with the query that the database rejected and why; to be translated once more."""
    reason = " ".join(str(error).split())[:LONGEST_REASON]
    return replace(prepared, request=replace(prepared.request, failed=(made.cypher, reason)))


def finish(
    made: Translation,
    prepared: Prepared,
    store: GraphStore,
    *,
    limits: Limits | None = None,
    execute: bool = True,
    load_ms: float = 0.0,
) -> Answer:
    """Execute a translation and put the answer together: the last third of `ask`.

    Raises:
        QueryError, GraphError: as for `ask`.
    """
    notices = prepared.notices + made.notices
    if asks_for_change(prepared.question):
        notices += (Notice("only_reads"),)
    if prepared.request.failed is not None:
        first, reason = prepared.request.failed
        notices += (Notice("repaired", reason=reason, first=first),)
    answer = Answer(
        made.cypher,
        question=prepared.question,
        weights=made.weights,
        elapsed_ms={
            "load": load_ms + prepared.schema_ms,
            "gate": made.gate_ms,
            "decode": made.decode_ms,
            "execute": prepared.stored_ms,
        },
        notices=notices,
    )
    if not execute:
        return answer
    found = run(made.cypher, store, limits=limits)
    return replace(
        answer,
        notices=notices + found.notices,
        columns=found.columns,
        rows=found.rows,
        truncated=found.truncated,
        elapsed_ms={
            **answer.elapsed_ms,
            "execute": prepared.stored_ms + found.elapsed_ms["execute"],
        },
    )


def run(query: str, store: GraphStore, *, limits: Limits | None = None, load_ms: float = 0.0) -> Answer:
    """Execute a query of the user's own through the same guard and limits.

    Where the server can, it plans the query first, so that one it cannot run is refused before it runs.

    Raises:
        QueryError, GraphError: as for `ask`.
    """
    result = store.read(query, limits=limits, explain=True)
    said = Notice("said_otherwise", server=store.dialect.title, query=result.query or "")
    return Answer(
        cypher=query,
        columns=result.columns,
        rows=result.rows,
        truncated=result.truncated,
        elapsed_ms={"load": load_ms, "execute": result.elapsed_ms},
        notices=(said,) if result.query else (),
    )


_EXAMPLES = {
    "en": (
        "Which movies did Clint Eastwood direct?",
        "Who acted in The Matrix?",
        "Which movies were released after 2010?",
        "Which actor acted in the most movies?",
        "How many movies are there?",
    ),
    "es": (
        "¿Qué películas dirigió Clint Eastwood?",
        "¿Quién actuó en The Matrix?",
        "¿Qué películas se estrenaron después de 2010?",
        "¿Qué persona actuó en más películas?",
        "¿Cuántas películas hay?",
    ),
    "tr": (
        "Clint Eastwood hangi filmleri yönetti?",
        "The Matrix filminde kim oynadı?",
        "2010 yılından sonra hangi filmler çıktı?",
        "En çok filmde oynayan kişi kim?",
        "Kaç film var?",
    ),
}


def examples_of_questions(count: int = 1) -> Sequence[tuple[str, str]]:
    """(language, question) pairs about the demo graph: the same questions in each language of `nano`."""
    return tuple((language, question) for language, asked in _EXAMPLES.items() for question in asked[:count])
