"""Question → answer on the shipped model and the real demo graph."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from polycypher import Translator
from polycypher import ask as ask_module
from polycypher.ask import STAGES, Answer, ask, examples_of_questions, open_both, open_graph, prepare, run
from polycypher.cypher.dialect import dialect, lacking
from polycypher.errors import (
    GraphUnavailable,
    GuardError,
    ModelError,
    QueryRejected,
    SchemaError,
    UsageError,
)
from polycypher.fusion.modes import Mode
from polycypher.graph.store import GraphStore, Limits, Result
from polycypher.schema import GraphSchema
from polycypher.translator.translator import Request, Translation


@pytest.fixture(scope="module")
def translator() -> Iterator[Translator]:
    with Translator.load("nano") as loaded:
        yield loaded


def titles(answer: Answer) -> list[str]:
    return sorted(str(row[0]) for row in answer.rows)


def test_the_same_question_in_each_language_gives_the_same_rows(
    translator: Translator, demo_store: GraphStore
) -> None:
    expected = run(
        "MATCH (:Person {name: 'Clint Eastwood'})-[:DIRECTED]->(m:Movie) RETURN m.title", demo_store
    )
    assert len(expected.rows) >= 3
    for language, question in examples_of_questions():
        answer = ask(question, translator, demo_store)
        assert titles(answer) == titles(expected), answer.cypher
        weights = dict(answer.weights or {})
        assert max(weights, key=lambda code: weights[code]) == language
        assert sum(weights.values()) == pytest.approx(1.0, abs=1e-4)


def test_an_answer_has_the_documented_form(translator: Translator, demo_store: GraphStore) -> None:
    value = ask("How many movies are there?", translator, demo_store).to_dict()
    assert list(value) == ["question", "cypher", "weights", "columns", "rows", "truncated", "elapsed_ms"]
    assert tuple(value["elapsed_ms"]) == STAGES
    assert set(value["weights"]) == set(translator.languages)


def test_a_query_of_ones_own_has_no_question_and_no_weights(demo_store: GraphStore) -> None:
    value = run("MATCH (m:Movie) RETURN count(m)", demo_store).to_dict()
    assert list(value) == ["cypher", "columns", "rows", "truncated", "elapsed_ms"]
    assert value["rows"][0][0] > 20


def test_a_given_language_is_hard_routing(translator: Translator, demo_store: GraphStore) -> None:
    answer = ask("¿Cuántas películas hay?", translator, demo_store, language="es")
    assert answer.weights == {"en": 0.0, "es": 1.0, "tr": 0.0}


def test_rows_are_capped_and_say_so(translator: Translator, demo_store: GraphStore) -> None:
    answer = ask("List all movies.", translator, demo_store, limits=Limits(rows=3))
    assert len(answer.rows) == 3
    assert answer.truncated


def test_nothing_runs_without_execute(translator: Translator, demo_store: GraphStore) -> None:
    answer = ask("List all movies.", translator, demo_store, execute=False)
    assert answer.cypher.startswith("MATCH")
    assert answer.rows == ()


def test_the_guard_stands_before_a_users_query_too(demo_store: GraphStore) -> None:
    with pytest.raises(GuardError):
        run("MATCH (n) DETACH DELETE n", demo_store)


@pytest.mark.parametrize(
    "question",
    [
        "Delete all movies",
        "Elimina todas las personas",
        "Bütün filmleri sil",
        "'; MATCH (n) DETACH DELETE n //",
    ],
)
def test_asking_to_delete_loses_nothing(
    question: str, translator: Translator, demo_store: GraphStore
) -> None:
    count = "MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN count(DISTINCT n), count(r)"
    before = run(count, demo_store).rows
    answer = ask(question, translator, demo_store)
    assert run(count, demo_store).rows == before
    if not question.startswith("'"):
        assert "nothing was changed" in " ".join(answer.notices)


@pytest.mark.parametrize("question", ["", "   ", "🎬🍿", "x" * 10_000])
def test_an_unusable_question_is_refused(
    question: str, translator: Translator, demo_store: GraphStore
) -> None:
    with pytest.raises(UsageError) as refused:
        ask(question, translator, demo_store)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "question",
    [
        "Quels films Clint Eastwood a-t-il réalisés ?",
        "克林特·伊斯特伍德导演了哪些电影？",
        "🎬 movies of Tom Hanks?",
    ],
)
def test_a_language_without_adapter_still_gives_a_query_that_runs(
    question: str, translator: Translator, demo_store: GraphStore
) -> None:
    assert ask(question, translator, demo_store).cypher.startswith("MATCH")


def test_an_unknown_language_is_refused(translator: Translator, demo_store: GraphStore) -> None:
    with pytest.raises(UsageError, match="en, es, tr"):
        ask("Which movies are there?", translator, demo_store, language="xx")


def test_an_empty_graph_is_refused(translator: Translator) -> None:
    with pytest.raises(SchemaError, match="empty"):
        translator.translate("Which movies are there?", GraphSchema({}))


@pytest.mark.parametrize(
    "question", ["How many movies are there?", "¿Cuántas películas hay?", "Kaç film var?"]
)
def test_a_schema_of_300_labels_is_pruned_and_says_so(translator: Translator, question: str) -> None:
    labels = {f"Gadget{n}": {"name": "STRING", "weight": "FLOAT"} for n in range(300)} | {
        "Movie": {"title": "STRING"}
    }
    made = translator.translate(question, GraphSchema(labels))
    assert made.cypher == "MATCH (m:Movie) RETURN count(m)"
    assert "left out" in " ".join(made.notices)


# ---------------------------------------------------------------------- opening both


class Closable:
    """Stands for a model or a graph."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()


@pytest.mark.parametrize("reason", [ModelError("no such model"), KeyboardInterrupt()])
def test_a_failing_model_waits_for_no_graph_and_closes_it(
    reason: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, may_open = Closable(), threading.Event()

    def slow(name: str, **access: str | None) -> Closable:
        may_open.wait(60)
        return graph

    def fail(model: str, **options: object) -> Closable:
        raise reason

    monkeypatch.setattr(ask_module, "connect", slow)
    monkeypatch.setattr(Translator, "load", fail)
    with pytest.raises(type(reason)):
        open_both("any", "any")
    assert not may_open.is_set()
    may_open.set()
    assert graph.closed.wait(60)


def test_a_failing_graph_closes_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Closable()

    def refuse(name: str, **access: str | None) -> Closable:
        raise GraphUnavailable("nothing answers")

    monkeypatch.setattr(ask_module, "connect", refuse)
    monkeypatch.setattr(Translator, "load", lambda name, **options: model)
    with pytest.raises(GraphUnavailable, match="nothing answers"):
        open_both("any", "any")
    assert model.closed.is_set()


def test_both_are_given_open(monkeypatch: pytest.MonkeyPatch) -> None:
    model, graph = Closable(), Closable()
    given: dict[str, str | None] = {}

    def opened(name: str, **access: str | None) -> Closable:
        given.update(access, name=name)
        return graph

    monkeypatch.setattr(ask_module, "connect", opened)
    monkeypatch.setattr(Translator, "load", lambda name, **options: model)
    translator, store, load_ms = open_both("any", "bolt://x", user="ada")
    assert (translator, store) == (model, graph)
    assert load_ms >= 0
    assert given == {"name": "bolt://x", "user": "ada"}
    assert not model.closed.is_set()
    assert not graph.closed.is_set()


HANGING = """
import time
from polycypher import Translator, ask
ask.connect = lambda graph, **access: time.sleep(120)
class Model:
    def close(self):
        print("closed", flush=True)
def load(model, **options):
    print("loaded", flush=True)
    return Model()
Translator.load = load
try:
    ask.open_both()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_an_interrupt_ends_the_process_while_the_graph_opens() -> None:
    process = subprocess.Popen([sys.executable, "-c", HANGING], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "loaded\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert out == "closed\ninterrupted\n"


def test_a_graph_is_opened_alone(demo_store: GraphStore) -> None:
    store, load_ms = open_graph("demo")
    with store:
        assert store.schema() == demo_store.schema()
    assert load_ms > 0


def test_an_unreachable_graph_is_an_error_of_the_graph() -> None:
    with pytest.raises(GraphUnavailable):
        open_both("nano", "bolt://127.0.0.1:9")


# ---------------------------------------------------------------------- what the graph knows


def test_a_misspelt_name_is_read_as_the_stored_one_and_told(
    translator: Translator, demo_store: GraphStore
) -> None:
    question = "Which movies did Clint Eastwod direct?"
    answer = ask(question, translator, demo_store)
    right = ask("Which movies did Clint Eastwood direct?", translator, demo_store)
    assert answer.question == question
    assert (answer.cypher, answer.rows) == (right.cypher, right.rows)
    assert right.rows
    assert any("'Clint Eastwod'" in notice and "'Clint Eastwood'" in notice for notice in answer.notices)
    assert not any("Eastwood" in notice for notice in right.notices)


def test_without_constraint_a_question_goes_to_the_model_as_it_is(demo_store: GraphStore) -> None:
    prepared = prepare("Who is Clint Eastwod?", demo_store, constrain=False)
    assert prepared.request.question == prepared.question == "Who is Clint Eastwod?"
    assert prepared.notices == ()


def test_the_model_may_not_write_what_the_server_lacks(demo_store: GraphStore) -> None:
    assert prepare("Who?", demo_store).request.without == lacking(demo_store.dialect) != frozenset()


def test_a_query_said_otherwise_for_a_server_is_shown(demo_store: GraphStore) -> None:
    client = demo_store._client
    older = GraphStore(demo_store._address, "demo", dialect=dialect("falkordb"))
    older._client = client  # the same server, taken for one of another vendor
    query = "MATCH (m:Movie|Person) RETURN count(m) AS count"
    answer = run(query, older)
    assert answer.cypher == query
    (notice,) = answer.notices
    assert "FalkorDB" in notice
    assert "OR m:Person" in notice
    assert answer.rows == run(query, demo_store).rows


def test_the_server_plans_a_query_before_it_runs(demo_store: GraphStore) -> None:
    planned: list[str] = []
    store = GraphStore(demo_store._address, "demo", dialect=demo_store.dialect)

    class Client:
        def plan(self, query: str, *, limits: Limits) -> None:
            planned.append(query)
            raise QueryRejected("it cannot be planned")

        def fetch(self, query: str, *, limits: Limits) -> Result:
            raise AssertionError("a query that cannot be planned was run")

    store._client = cast(Any, Client())
    with pytest.raises(QueryRejected, match="planned"):
        run("MATCH (n) RETURN n", store)
    assert planned == ["MATCH (n) RETURN n"]


# ---------------------------------------------------------------------- repair


class Writer:
    """Stands for a model: writes the queries it is given, one a request, and remembers the requests."""

    languages = ("en", "tr")

    def __init__(self, *queries: str) -> None:
        self.queries, self.requests = list(queries), list[Request]()

    def translate_batch(self, requests: Sequence[Request]) -> list[Translation]:
        self.requests += requests
        return [
            Translation(
                request.question,
                self.queries[min(len(self.requests), len(self.queries)) - 1],
                {"en": 1.0},
                mode=Mode.PRUNED,
                rows=1,
                complete=True,
                notices=(),
                gate_ms=1.0,
                first_ms=1.0,
                decode_ms=1.0,
            )
            for request in requests
        ]


WRONG = "MATCH (m:Movie) RETURN date('nosuch') AS x"
RIGHT = "MATCH (m:Movie) RETURN count(m) AS movies"


def asked_of(writer: Writer, store: GraphStore, **options: Any) -> Answer:
    model: Any = writer
    return ask("How many movies are there?", model, store, **options)


def test_a_rejected_query_goes_back_once_with_its_error(demo_store: GraphStore) -> None:
    writer = Writer(WRONG, RIGHT)
    answer = asked_of(writer, demo_store)
    assert answer.cypher == RIGHT
    assert answer.rows[0][0] > 0
    first, second = writer.requests
    assert first.failed is None
    assert second.failed is not None
    assert second.failed[0] == WRONG
    assert "nosuch" in second.failed[1]
    assert second == dataclasses.replace(first, failed=second.failed)
    (notice,) = answer.notices
    assert notice.startswith("the query was repaired")
    assert WRONG in notice


def test_it_goes_back_only_once(demo_store: GraphStore) -> None:
    writer = Writer(WRONG, WRONG.replace("nosuch", "neither"), RIGHT)
    with pytest.raises(QueryRejected, match="nosuch"):  # the first error is the one to tell
        asked_of(writer, demo_store)
    assert len(writer.requests) == 2


def test_the_same_query_again_is_not_run_again(demo_store: GraphStore) -> None:
    writer = Writer(WRONG)
    with pytest.raises(QueryRejected, match="nosuch"):
        asked_of(writer, demo_store)
    assert len(writer.requests) == 2


def test_what_the_guard_refuses_is_not_repaired(demo_store: GraphStore) -> None:
    writer = Writer("MATCH (m:Movie) DELETE m", RIGHT)
    with pytest.raises(GuardError):
        asked_of(writer, demo_store)
    assert len(writer.requests) == 1


def test_a_repair_is_told_the_query_and_the_error(translator: Translator) -> None:
    """The real prompt: both stand behind the question, and the gate looks at the question alone."""
    prompts = translator._prompts
    plain = prompts.prompt_of_text("Movie(title)", "How many?")
    told = prompts.prompt_of_text("Movie(title)", "How many?", ("RETURN 1", "no such function"))
    assert told.prefix == plain.prefix
    assert told.question == plain.question
    text = translator._tokenizer.decode(told.suffix)
    assert text.index("How many?") < text.index("RETURN 1") < text.index("no such function")
