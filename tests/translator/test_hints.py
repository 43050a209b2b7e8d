"""English concepts from words of other languages."""

from __future__ import annotations

import pytest

from polycypher.translator.hints import hints


@pytest.mark.parametrize(
    ("question", "concepts"),
    [
        ("¿Qué películas hay?", {"movie"}),
        ("Filmlerin sayısı", {"movie"}),
        ("MÜŞTERİLERİN SİPARİŞLERİ", {"customer", "order"}),
        ("Welche Filme?", {"movie"}),
    ],
)
def test_words_with_endings_are_found(question: str, concepts: set[str]) -> None:
    assert concepts <= set(hints(question).split())


def test_an_unknown_script_gives_nothing() -> None:
    assert hints("映画は何本ありますか") == ""
