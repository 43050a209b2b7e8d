"""Chat completions with OpenAI's own client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from serving_helpers import TOKEN, Served, serving

from polycypher.graph.store import GraphStore
from polycypher.serving.openai import fenced, table
from polycypher.translator.translator import Translator

QUESTION = "¿Qué películas dirigió Clint Eastwood?"


@pytest.fixture(scope="module")
def client(nano: Translator, demo_store: GraphStore) -> Iterator[openai.OpenAI]:
    """OpenAI's client for a server that wants a token as its key."""
    with (
        serving(nano, demo_store, token=TOKEN.encode(), rate=1000, burst=1000) as running,
        openai.OpenAI(base_url=f"{running.url}v1", api_key=TOKEN, max_retries=0) as client,
    ):
        yield client


def _ask(client: openai.OpenAI, model: str, question: str = QUESTION, **more: Any) -> Any:
    messages: Any = [
        {"role": "system", "content": "You know films."},
        {"role": "user", "content": question},
    ]
    return client.chat.completions.create(model=model, messages=messages, **more)


def test_its_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["polycypher", "polycypher-cypher"]


def test_a_question_is_answered_with_query_and_table(client: openai.OpenAI) -> None:
    made = _ask(client, "polycypher", temperature=0.2, max_tokens=100)
    text = made.choices[0].message.content
    assert text.startswith("```cypher\nMATCH ")
    assert "| Unforgiven |" in text
    assert made.choices[0].finish_reason == "stop"
    assert ["Unforgiven"] in made.polycypher["rows"]


def test_the_other_model_gives_the_query_alone(client: openai.OpenAI) -> None:
    made = _ask(client, "polycypher-cypher")
    assert made.choices[0].message.content == made.polycypher["cypher"]
    assert made.choices[0].message.content.startswith("MATCH")


@pytest.mark.parametrize("model", ["polycypher", "polycypher-cypher"])
def test_a_stream_adds_up_to_the_same_text(model: str, client: openai.OpenAI) -> None:
    chunks = list(_ask(client, model, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len({chunk.id for chunk in chunks}) == 1
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert sorted(text.split("\n")) == sorted(_ask(client, model).choices[0].message.content.split("\n")), (
        "rows come in no fixed order"
    )


def test_options_that_are_null_are_as_if_they_were_left_out(client: openai.OpenAI) -> None:
    made = _ask(client, "polycypher-cypher", extra_body={"stream": None, "n": None, "tools": None})
    assert made.choices[0].message.content.startswith("MATCH")


def test_a_message_may_come_in_parts(client: openai.OpenAI) -> None:
    parts: Any = [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]
    made = client.chat.completions.create(model="polycypher-cypher", messages=parts)
    assert "Clint Eastwood" in str(made.choices[0].message.content)


def test_errors_are_those_that_the_client_knows(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="polycypher-cypher"):
        _ask(client, "gpt-5")
    with pytest.raises(openai.BadRequestError, match="2000"):
        _ask(client, "polycypher", "x" * 3000)
    with pytest.raises(openai.BadRequestError, match="last message"):
        client.chat.completions.create(
            model="polycypher", messages=[{"role": "assistant", "content": "Hello"}]
        )
    with (
        openai.OpenAI(base_url=client.base_url, api_key="another-token-of-the-tests") as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        _ask(stranger, "polycypher")


def test_an_error_on_the_way_ends_a_stream(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError, match="empty"):
        list(_ask(client, "polycypher", "¿?", stream=True))


def test_a_served_answer_tells_how_it_was_made(served: Served) -> None:
    body = {"model": "polycypher", "messages": [{"role": "user", "content": QUESTION}]}
    told = served.client.post("/v1/chat/completions", json=body).json()
    assert told["polycypher"]["weights"]["es"] > 0.5


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert fenced("RETURN 1") == "```cypher\nRETURN 1\n```"
    assert fenced("MATCH (n:```x```) RETURN n").startswith("````cypher\n")


def _made(rows: list[list[Any]], *, truncated: bool = False) -> dict[str, Any]:
    return {"columns": ["a", "b"], "rows": rows, "truncated": truncated, "notices": ["mind this"]}


def test_a_table_shows_any_value_in_one_line() -> None:
    node = {"id": "1", "labels": ["Movie"], "properties": {"title": "A|B\nC"}}
    edge = {"id": "2", "type": "DIRECTED", "start": "0", "end": "1", "properties": {}}
    shown = table(_made([[node, edge], [None, [1, 2.5, True]]])).split("\n")
    assert shown[:2] == ["| a | b |", "| --- | --- |"]
    assert shown[2] == "| (:Movie title: A\\|B C) | [:DIRECTED ] |" or "A\\|B C" in shown[2]
    assert shown[3] == "|  | 1, 2.5, True |"
    assert shown[-1] == "mind this"


def test_a_long_table_is_cut_and_says_so() -> None:
    assert "50 of 60 rows." in table(_made([[1, 2]] * 60))
    assert "3 of more than 3 rows." in table(_made([[1, 2]] * 3, truncated=True))
    assert table(_made([])) == "No rows."
