"""Language codes, and questions reduced for comparing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.corpus.example import Example, check_language, normalise_question
from polycypher.errors import CorpusError


@pytest.mark.parametrize(
    "code", ["en", "es", "tr", "fil", "pt-BR", "es-419", "zh-Hant", "zh-Hant-TW", "sr-Latn-RS"]
)
def test_language_codes(code: str) -> None:
    assert check_language(code) == code


@pytest.mark.parametrize(
    "code",
    ["", "e", "EN", "english", "pt_BR", "pt-br", "en-", "-en", "zh-hant", "en US", "en\n", "tr-TR-TR", "é"],
)
def test_what_is_no_language_code(code: str) -> None:
    with pytest.raises(CorpusError, match="BCP 47"):
        check_language(code)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Who directed Top Gun?", "who directed  top gun"),
        ("Who directed 'Top Gun'?", "Who directed “Top Gun” ?"),
        ("¿Quién dirigió Top Gun?", "quién dirigió top gun"),
        ("Ｗｈｏ directed ﬁlms?", "who directed films"),
        ("e\u0301tat", "\u00e9tat"),
        ("STRASSE", "Straße"),
    ],
)
def test_questions_that_count_as_the_same(one: str, other: str) -> None:
    assert normalise_question(one) == normalise_question(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Who directed Top Gun?", "Who acted in Top Gun?"),
        ("films of 1999", "films of 1998"),
        ("top gun", "topgun"),
        ("ano", "año"),
    ],
)
def test_questions_that_differ(one: str, other: str) -> None:
    assert normalise_question(one) != normalise_question(other)


@given(st.text())
def test_reducing_twice_changes_nothing(text: str) -> None:
    once = normalise_question(text)
    assert normalise_question(once) == once
    assert normalise_question(f"  {text} ?!") == once


def test_an_example_does_not_change() -> None:
    example = Example("1", "movies", {"en": "Who?"}, "RETURN 1")
    with pytest.raises(AttributeError):
        example.cypher = "RETURN 2"  # type: ignore[misc]
