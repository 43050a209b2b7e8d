"""The REST API over HTTP: what each path answers, and how it fails."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from serving_helpers import SLOW, Held, Served, error_of, serving, wait_until

from polycypher import ask as rooms
from polycypher.graph.store import GraphStore
from polycypher.translator.translator import Translator

SPANISH = "¿Qué películas dirigió Clint Eastwood?"


def test_ask_answers_what_the_library_answers(
    served: Served, nano: Translator, demo_store: GraphStore
) -> None:
    response = served.ask(SPANISH)
    expected = rooms.ask(SPANISH, nano, demo_store)
    assert response.status_code == 200
    told = response.json()
    for key, value in {**expected.to_dict(), "notices": list(expected.notices)}.items():
        if key == "weights":
            assert told[key] == pytest.approx(value, abs=1e-3)
        elif key == "rows":
            assert sorted(told[key]) == sorted(value)
        elif key != "elapsed_ms":
            assert told[key] == value
    assert ["Unforgiven"] in told["rows"]
    assert max(told["weights"], key=told["weights"].get) == "es"
    assert told["elapsed_ms"]["decode"] > 0


def test_translate_gives_the_query_alone(served: Served) -> None:
    told = served.client.post("/v1/translate", json={"question": SPANISH}).json()
    assert told["cypher"] == served.ask(SPANISH).json()["cypher"]
    assert set(told) == {"question", "cypher", "weights", "elapsed_ms", "notices"}


def test_a_language_is_an_adapter_and_auto_is_the_gate(served: Served) -> None:
    alone = served.client.post("/v1/translate", json={"question": SPANISH, "language": "es"}).json()
    assert alone["weights"] == {"en": 0.0, "es": 1.0, "tr": 0.0}
    auto = served.client.post("/v1/translate", json={"question": SPANISH, "language": "auto"}).json()
    assert 0 < auto["weights"]["en"] < 1


def test_a_wish_to_change_the_graph_is_answered_with_a_notice(served: Served) -> None:
    told = served.ask("Delete all movies").json()
    assert any("nothing was changed" in notice for notice in told.get("notices", []))


def test_run_runs_a_query_of_the_users_own(served: Served) -> None:
    told = served.run("MATCH (m:Movie {title: 'Unforgiven'}) RETURN m, m.released AS year").json()
    assert told["columns"] == ["m", "year"]
    assert told["rows"][0][1] == 1992
    assert told["rows"][0][0]["labels"] == ["Movie"]


@pytest.mark.parametrize(
    "query",
    [
        "CREATE (n)",
        "MATCH (n) DETACH DELETE n",
        "CALL apoc.refactor.rename.label('Movie', 'Film')",
        "LOAD CSV FROM 'x' AS r RETURN r",
    ],
)
def test_the_guard_stands_before_the_graph(query: str, served: Served) -> None:
    before = served.run("MATCH (n) RETURN count(n)").json()["rows"]
    assert error_of(served.run(query)) == (422, "GuardError")
    assert served.run("MATCH (n) RETURN count(n)").json()["rows"] == before


def test_a_query_that_the_database_rejects_is_told_why(served: Served) -> None:
    response = served.run("MATCH (n) RETURN noSuchFunction(n)")
    assert response.status_code == 422
    assert len(response.json()["error"]["message"]) > 20


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/translate"])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"question": ""},
        {"question": "???"},
        {"question": 7},
        {"question": "How many?", "rowz": 1},
        {"question": "How many?", "language": "xx"},
        {"question": "How many?", "timeout": 0},
        {"question": "How many?", "mode": "magic"},
        {"question": "How many?", "stream": 1},
        {"question": "How many?", "timeout": True},
        [],
        "text",
    ],
)
def test_a_request_that_cannot_be_used_is_a_usage_error(path: str, body: object, served: Served) -> None:
    assert error_of(served.client.post(path, json=body)) == (400, "UsageError")


def test_what_is_no_json_is_a_usage_error(served: Served) -> None:
    deep, endless = b"[" * 50_000, b'{"question": "How many?", "timeout": ' + b"9" * 5000 + b"}"
    for content in (b"{", b"\xff\xfe", b'{"question": "\\ud800"}', b"", deep, endless):
        response = served.client.post(
            "/v1/ask", content=content, headers={"Content-Type": "application/json"}
        )
        assert error_of(response) == (400, "UsageError"), content[:50]


def test_rows_are_limited_by_the_request_and_by_the_server(nano: Translator, demo_store: GraphStore) -> None:
    with serving(nano, demo_store, rows=5) as served:
        all_of_them = "MATCH (m:Movie) RETURN m.title"
        told = served.run(all_of_them, rows=1000).json()
        assert (len(told["rows"]), told["truncated"]) == (5, True)
        told = served.run(all_of_them, rows=2).json()
        assert (len(told["rows"]), told["truncated"]) == (2, True)


def test_a_query_past_its_time_is_a_timeout(nano: Translator, demo_store: GraphStore) -> None:
    with serving(nano, demo_store, query_seconds=0.5) as served:
        assert error_of(served.run(SLOW)) == (504, "QueryTimeout")


def test_a_request_past_its_deadline_is_a_timeout(served: Served) -> None:
    response = served.run(SLOW, timeout=0.5)
    assert response.status_code == 504
    assert error_of(response)[1] in ("DeadlineExceeded", "QueryTimeout")
    assert served.run("RETURN 1 AS one").status_code == 200


def test_the_schema_is_that_of_the_graph(served: Served, demo_store: GraphStore) -> None:
    told = served.client.get("/v1/schema", params={"refresh": True}).json()
    assert told.pop("graph") == "demo"
    assert told.pop("notices") == list(demo_store.schema_notices)
    assert told == demo_store.schema().to_dict()


def test_languages_are_the_models(served: Served) -> None:
    assert served.client.get("/v1/languages").json() == {"model": "nano", "languages": ["en", "es", "tr"]}


def test_examples_are_answered_by_the_demo_graph_and_none_by_another(
    served: Served, nano: Translator, demo_store: GraphStore
) -> None:
    examples = served.client.get("/v1/examples").json()["examples"]
    assert {example["language"] for example in examples} == {"en", "es", "tr"}
    for example in examples:
        assert served.ask(example["question"]).json()["rows"]
    with serving(nano, demo_store, graph="bolt://localhost") as other:
        assert other.client.get("/v1/examples").json() == {"examples": []}


def test_a_path_or_method_that_there_is_not(served: Served) -> None:
    assert error_of(served.client.get("/v1/nothing")) == (404, "NotFound")
    assert error_of(served.client.get("/../etc/passwd")) == (404, "NotFound")
    wrong = served.client.get("/v1/ask")
    assert error_of(wrong) == (405, "MethodNotAllowed")
    assert wrong.headers["Allow"] == "POST"


def test_the_openapi_file_describes_every_path_and_one_shape_of_errors(served: Served) -> None:
    described = served.client.get("/openapi.json").json()
    assert {
        "/v1/ask",
        "/v1/translate",
        "/v1/run",
        "/v1/schema",
        "/v1/languages",
        "/v1/examples",
        "/v1/models",
        "/v1/chat/completions",
        "/healthz",
        "/readyz",
        "/metrics",
    } == set(described["paths"])
    shape = {"$ref": "#/components/schemas/ErrorResponse"}
    for path in described["paths"].values():
        for operation in path.values():
            for code, response in operation["responses"].items():
                if code != "200":
                    assert response["content"]["application/json"]["schema"] == shape
    assert "HTTPValidationError" not in described["components"]["schemas"]


def test_questions_that_come_together_are_decoded_together(nano: Translator, demo_store: GraphStore) -> None:
    model: Any = Held(nano)
    questions = ["How many movies are there?", SPANISH, "Kaç film var?", "Who directed Unforgiven?"] * 4
    with serving(model, demo_store) as served, ThreadPoolExecutor(17) as clients:
        value = served.service.metrics.registry.get_sample_value
        first = clients.submit(served.ask, "How many people are there?")
        wait_until(model.begun.is_set)
        others = [clients.submit(served.ask, question) for question in questions]
        wait_until(lambda: value("polycypher_waiting_questions") == 16)
        model.let.set()
        responses = [other.result() for other in others]
        assert first.result().status_code == 200
        # One, 15 that joined it, and the last when a place was free.
        assert value("polycypher_batch_questions_count") == 3
        assert value("polycypher_batch_questions_bucket", {"le": "8.0"}) < 3
        assert (value("polycypher_batch_questions_sum") or 0) > 17
        assert [response.status_code for response in responses] == [200] * 16
        alone = {question: served.ask(question).json()["cypher"] for question in set(questions)}
        for question, response in zip(questions, responses, strict=True):
            assert response.json()["cypher"] == alone[question], "the company does not change an answer"
