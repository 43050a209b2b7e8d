"""Requests that come and go, with the shipped model."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from polycypher.errors import UsageError
from polycypher.schema import GraphSchema, Pattern
from polycypher.translator.translator import Request, Translation, Translator

SCHEMA = GraphSchema(
    {
        "Person": {"name": "STRING", "born": "INTEGER"},
        "Movie": {"title": "STRING", "released": "INTEGER"},
    },
    relationships=(Pattern("Person", "DIRECTED", "Movie"), Pattern("Person", "ACTED_IN", "Movie")),
)
QUESTIONS = (
    "Which movies did Clint Eastwood direct?",
    "¿Cuántas películas hay?",
    "Clint Eastwood hangi filmleri yönetti?",
    "Who acted in The Matrix and was born after 1960?",
    "Kaç film var?",
)


@pytest.fixture(scope="module")
def nano() -> Iterator[Translator]:
    with Translator.load("nano") as loaded:
        yield loaded


@pytest.mark.parametrize("overlap", [False, True])
def test_who_joins_later_is_translated_as_if_alone(nano: Translator, overlap: bool) -> None:
    alone = [nano.translate(question, SCHEMA).cypher for question in QUESTIONS]
    found: dict[int, Translation] = {}
    with nano.start(overlap=overlap) as translating:
        for number, question in enumerate(QUESTIONS):
            (given,), finished = translating.add([Request(question, SCHEMA)])
            assert given == number
            for _ in range(3):
                finished += translating.step() if translating.requests else []
            found.update((place, one) for place, one in finished if isinstance(one, Translation))
        while translating.requests:
            found.update((n, one) for n, one in translating.step() if isinstance(one, Translation))
    assert [found[number].cypher for number in range(len(QUESTIONS))] == alone


def test_a_request_that_cannot_be_used_is_finished_at_once(nano: Translator) -> None:
    with nano.start() as translating:
        numbers, finished = translating.add([Request(QUESTIONS[0], SCHEMA), Request(" ", SCHEMA)])
        assert numbers == [0, 1]
        assert translating.requests == 1
        ((number, outcome),) = finished
        assert number == 1
        assert isinstance(outcome, UsageError)


def test_a_request_can_be_given_up(nano: Translator) -> None:
    with nano.start() as translating:
        translating.add([Request(QUESTIONS[0], SCHEMA), Request(QUESTIONS[1], SCHEMA)])
        translating.step()
        translating.drop([0, 7])
        found = []
        while translating.requests:
            found += translating.step()
        assert [number for number, _ in found] == [1]


def test_others_wait_until_it_is_closed(nano: Translator) -> None:
    made: list[Translation] = []
    translating = nano.start()
    other = threading.Thread(target=lambda: made.append(nano.translate(QUESTIONS[1], SCHEMA)))
    other.start()
    translating.add([Request(QUESTIONS[0], SCHEMA)])
    translating.step()
    assert not made
    translating.close()
    translating.close()
    other.join(60)
    assert len(made) == 1
