"""In which language a client is told the notices of an answer."""

from __future__ import annotations

from typing import Any

import pytest
from serving_helpers import Served, events_of

from polycypher.graph.store import GraphStore
from polycypher.notices import Notice
from polycypher.serving.languages import LONGEST_HEADER, preferred

ENGLISH = "polycypher only reads: nothing was changed, the answer shows what the question names"
SPANISH = "polycypher solo lee: no se cambió nada, la respuesta muestra lo que nombra la pregunta"
TURKISH = "polycypher yalnızca okur: hiçbir şey değişmedi, yanıt soruda adı geçenleri gösteriyor"
WISH: dict[str, Any] = {"question": "Delete all movies"}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("es", "es"),
        ("TR-tr", "tr"),
        ("es-419,es;q=0.9,en;q=0.8", "es"),
        ("en;q=0.5, tr;q=0.7", "tr"),
        ("de, fr;q=0.9, es ; q=0.1", "es"),
        ("tr, es", "tr"),
        ("de, zh-Hant-TW", "en"),
        ("es;q=0, tr;q=0.000", "en"),
        ("*, es;q=0.9", "en"),
        ("es, *;q=0.1", "es"),
        (", es,, ", "es"),
        ("es;q=2", "en"),
        ("es, tr;q=", "en"),
        ("es;level=1", "en"),
        ("es_MX", "en"),
        ("español", "en"),
        ("es\x00", "en"),
        ("tr;q=nan", "en"),
        ("tr;q=٠.٥", "en"),
        ("tr" + ", tr" * LONGEST_HEADER, "en"),
    ],
)
def test_the_language_that_a_header_likes_best(header: str, language: str) -> None:
    assert preferred(header) == language


@pytest.mark.parametrize(
    ("header", "notice"),
    [
        ("en-GB", ENGLISH),
        ("es-MX,es;q=0.9,en;q=0.8", SPANISH),
        ("tr", TURKISH),
        ("de", ENGLISH),
        ("tr;q=yes", ENGLISH),
        ("tr," * 2000, ENGLISH),
    ],
)
def test_an_answer_tells_its_notices_in_the_language_of_the_request(
    header: str, notice: str, served: Served
) -> None:
    asked = served.client.post("/v1/translate", json=WISH, headers={"Accept-Language": header})
    assert asked.json()["notices"] == [notice]


def test_without_the_header_notices_are_english(served: Served) -> None:
    assert served.ask(**WISH).json()["notices"] == [ENGLISH]


def test_events_tell_notices_in_the_language_of_the_request(served: Served) -> None:
    body = {"question": "Delete all movies of Clint Eastwod", "stream": True}
    found = served.client.post("/v1/ask", json=body, headers={"Accept-Language": "tr"})
    name, told = events_of(found)[-1]
    assert name == "answer"
    assert TURKISH in told["notices"]
    plain = served.ask(**{**body, "stream": False}).json()
    assert ENGLISH in plain["notices"]
    assert len(plain["notices"]) == len(told["notices"])
    assert not set(plain["notices"]) & set(told["notices"])


def test_the_schema_tells_its_notices_in_the_language_of_the_request(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices = (Notice("gap_labels", nodes=200_000), "a text")
    monkeypatch.setattr(GraphStore, "schema_notices", property(lambda store: notices))
    found = served.client.get("/v1/schema", headers={"Accept-Language": "es-AR"}).json()
    assert found["notices"] == ["las etiquetas son las de 200\xa0000 nodos", "a text"]
    assert served.client.get("/v1/schema").json()["notices"] == list(notices)


def test_openais_clients_are_told_in_english(served: Served) -> None:
    body = {"model": "polycypher", "messages": [{"role": "user", "content": WISH["question"]}]}
    found = served.client.post("/v1/chat/completions", json=body, headers={"Accept-Language": "tr"})
    assert ENGLISH in found.json()["choices"][0]["message"]["content"]


def test_the_openapi_file_names_the_header(served: Served) -> None:
    paths = served.client.get("/openapi.json").json()["paths"]
    for path, method in (("ask", "post"), ("translate", "post"), ("run", "post"), ("schema", "get")):
        named = [parameter["name"] for parameter in paths[f"/v1/{path}"][method]["parameters"]]
        assert "accept-language" in named
