"""Texts without case, accents and punctuation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.graph.folding import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  José-María  Pérez ", "jose maria perez"),
        ("İSTANBUL", "istanbul"),
        ("ISTANBUL", "istanbul"),
        ("ıstanbul", "istanbul"),
        ("Iğdır", "igdir"),
        ("Straße", "strasse"),
        ("Łódź, Ærø & Þór", "lodz aero thor"),
        ("ＡＢＣ", "abc"),
        ("北京", "北京"),
        ("O'Brien", "o brien"),
        ("_", ""),
    ],
)
def test_spelling_does_not_matter(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet="abcçdefgğhıijklmnoöprsştuüvyz ", max_size=20))
def test_case_in_turkish_does_not_matter(text: str) -> None:
    upper = text.replace("i", "İ").replace("ı", "I").upper()
    assert fold(upper) == fold(text)
