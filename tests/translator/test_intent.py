"""Imperatives of change are noticed at the place their language puts them."""

from __future__ import annotations

import pytest

from polycypher.translator.intent import asks_for_change


@pytest.mark.parametrize(
    "question",
    ["Delete all movies", "elimina a Tom Hanks", "Bütün filmleri sil!", "İlk filmi KALDIR", "DROP it"],
)
def test_an_imperative_of_change_is_noticed(question: str) -> None:
    assert asks_for_change(question)


@pytest.mark.parametrize(
    "question",
    [
        "Which users were deleted?",
        "¿Quién eliminó los mensajes?",
        "Silinen mesajlar hangileri?",
        "",
        "Which sets are there?",
    ],
)
def test_a_question_about_changes_is_a_question(question: str) -> None:
    assert not asks_for_change(question)
