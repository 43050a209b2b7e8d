"""Server-sent events: their order, what they tell, and clients that leave."""

from __future__ import annotations

import itertools
import json

import pytest
from serving_helpers import SLOW, Served, error_of, events_of, serving, wait_until

from polycypher.graph.store import GraphStore
from polycypher.translator.translator import Translator

QUESTION = "Clint Eastwood hangi filmleri yönetti?"


@pytest.mark.parametrize("how", ["body", "header"])
def test_a_question_is_told_of_from_the_beginning_to_its_answer(how: str, served: Served) -> None:
    if how == "body":
        response = served.ask(QUESTION, stream=True)
    else:
        response = served.client.post(
            "/v1/ask", json={"question": QUESTION}, headers={"Accept": "text/event-stream"}
        )
    assert response.headers["Content-Type"].startswith("text/event-stream")
    events = events_of(response)
    names = [name for name, _ in events]
    stages = [data["stage"] for name, data in events if name == "stage"]
    assert stages == ["prepare", "wait", "decode", "execute"]
    told = dict(events)
    assert list(dict.fromkeys(names)) == ["stage", "token", "weights", "cypher", "answer"]
    assert names[-1] == "answer"
    plain = served.ask(QUESTION).json()
    for key in ("question", "cypher", "columns", "truncated", "notices"):
        assert told["answer"][key] == plain[key]
    assert sorted(told["answer"]["rows"]) == sorted(plain["rows"])
    assert told["cypher"]["cypher"] == plain["cypher"]
    assert told["weights"]["weights"] == told["answer"]["weights"]


def test_tokens_tell_the_query_as_it_grows(served: Served) -> None:
    texts = [data["cypher"] for name, data in events_of(served.ask(QUESTION, stream=True)) if name == "token"]
    assert len(texts) > 5
    assert texts[0].startswith("M")
    for shorter, longer in itertools.pairwise(texts):
        assert longer.startswith(shorter)
    assert "DIRECTED" in texts[-1]


def test_a_translation_streams_too(served: Served) -> None:
    response = served.client.post("/v1/translate", json={"question": QUESTION, "stream": True})
    events = events_of(response)
    assert events[-1][0] == "answer"
    assert "rows" not in events[-1][1]
    assert "execute" not in [data.get("stage") for _, data in events]


def test_what_fails_on_the_way_is_the_last_event(served: Served) -> None:
    events = events_of(served.ask("How many movies are there?", language="xx", stream=True))
    assert events[-1][0] == "error"
    assert events[-1][1]["error"]["type"] == "UsageError"
    assert [name for name, _ in events].count("error") == 1


def test_what_is_wrong_with_the_request_is_told_by_its_code(served: Served) -> None:
    assert error_of(served.ask("", stream=True)) == (400, "UsageError")


def test_a_client_that_leaves_takes_its_work_along(nano: Translator, demo_store: GraphStore) -> None:
    with serving(nano, demo_store, query_seconds=5) as served:
        served.abandon("/v1/run", {"cypher": SLOW})
        wait_until(lambda: served.service.admission.count == 0)
        wait_until(
            lambda: bool(
                served.service.metrics.registry.get_sample_value(
                    "polycypher_requests_total", {"route": "/v1/run", "method": "POST", "status": "499"}
                )
            )
        )
        assert served.run("RETURN 1 AS one").json()["rows"] == [[1]]


def test_a_client_that_leaves_a_stream_frees_its_place(nano: Translator, demo_store: GraphStore) -> None:
    with serving(nano, demo_store) as served:
        with served.client.stream("POST", "/v1/ask", json={"question": QUESTION, "stream": True}) as response:
            first = next(response.iter_lines())
            assert first == "event: stage"
        wait_until(lambda: served.service.admission.count == 0)
        assert json.loads(served.client.get("/readyz").text) == {"status": "ready"}
