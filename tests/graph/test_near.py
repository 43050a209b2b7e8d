"""What a question nearly says: misspelt and translated values, and what must not be touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.graph.near import Near, find_near, unknown_names
from polycypher.graph.value_index import ValueIndex
from polycypher.translator.grounding import candidates

INDEX = ValueIndex(
    {
        "Tom Hanks": frozenset({("Person", "name")}),
        "Tom Holland": frozenset({("Person", "name")}),
        "Pedro Almodóvar": frozenset({("Person", "name")}),
        "İbrahim Işık": frozenset({("Person", "name")}),
        "The Matrix": frozenset({("Movie", "title")}),
        "Apollo 13": frozenset({("Movie", "title")}),
        "Boris": frozenset({("Person", "name")}),
        "Anna Lee": frozenset({("Person", "name")}),
        "Anna Lea": frozenset({("Person", "name")}),
        "Germany": frozenset({("Country", "name"), ("Film", "country")}),
        "Spain": frozenset({("Country", "name")}),
        "Spanish": frozenset({("Film", "language")}),
        "January": frozenset({("Film", "month")}),
        "person": frozenset({("Note", "text")}),
    },
    complete=True,
)
STORED = {"Tom Hanks": frozenset({("Person", "name")})}


def read_as(question: str, **options: object) -> Near:
    return find_near(question, candidates(question), INDEX, {}, languages=("tr", "es"), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Which films is Tom Hankes in?", "Which films is Tom Hanks in?"),
        ("Tom Hankes hangi filmlerde oynadı?", "Tom Hanks hangi filmlerde oynadı?"),
        ("¿En qué películas actuó Tmo Hanks?", "¿En qué películas actuó Tom Hanks?"),
        ("films by pedro almodovar", "films by Pedro Almodóvar"),
        ("Films by PEDRO ALMODOVAR", "Films by Pedro Almodóvar"),
        ("Ibrahim Isik hangi filmleri yönetti?", "İbrahim Işık hangi filmleri yönetti?"),
        ("who directed the matrx?", "who directed The Matrix?"),
        ("Who is in 'Apolo 13'?", "Who is in 'Apollo 13'?"),
        ("What did Borris see?", "What did Boris see?"),
    ],
)
def test_a_misspelt_value_becomes_the_stored_one(question: str, wanted: str) -> None:
    pytest.importorskip("rapidfuzz")
    found = read_as(question)
    assert found.question == wanted
    assert len(found.substitutions) == 1


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Hangi filmler Almanya'da çekildi?", "Hangi filmler Germany'da çekildi?"),
        ("¿Qué películas son de Alemania?", "¿Qué películas son de Germany?"),
        ("hangi filmler almanya yapımı?", "hangi filmler Germany yapımı?"),
        ("¿Qué películas hay en Español?", "¿Qué películas hay en Spanish?"),
        ("Hangi filmler Ocak ayında çıktı?", "Hangi filmler January ayında çıktı?"),
    ],
)
def test_a_translated_value_becomes_the_stored_one(question: str, wanted: str) -> None:
    pytest.importorskip("babel")
    found = read_as(question)
    assert found.question == wanted
    assert found.substitutions[0].translated


def test_several_are_replaced_at_once_where_they_stand() -> None:
    pytest.importorskip("rapidfuzz")
    found = read_as("Did Tom Hankes meet Pedro Almodovr in The Matrix?")
    assert found.question == "Did Tom Hanks meet Pedro Almodóvar in The Matrix?"
    assert [taken.stored for taken in found.substitutions] == ["Tom Hanks", "Pedro Almodóvar"]
    assert found.homes == {
        "Tom Hanks": frozenset({("Person", "name")}),
        "Pedro Almodóvar": frozenset({("Person", "name")}),
    }


@pytest.mark.parametrize(
    "question",
    [
        "Which films is Tom Hanks in?",
        "How many films are there?",
        "Kaç film var?",
        "Which films came out in 1999?",
        "Who is Anna Lei?",  # Lee and Lea are as near
        "Who is in Apollo 12?",  # another number is another film
        "What did Doris see?",  # so short a name with another first letter is another name
        "Which Personn has a name?",
        "Who is Zacharias Quillfeather?",
        "Who is Michael Spain?",  # part of a longer name
        "",
        "?!",
    ],
)
def test_what_is_right_unknown_or_ambiguous_stays_as_it_is(question: str) -> None:
    found = read_as(question, known=("Person",)) if question != "Which films is Tom Hanks in?" else find_near(
        question, candidates(question), INDEX, STORED
    )  # fmt: skip
    assert found == Near(question)


def test_an_ending_makes_no_other_name() -> None:
    question = "Tom Hanks'in filmleri"
    assert find_near(question, candidates(question), INDEX, STORED) == Near(question)


def test_the_user_is_told_in_a_sentence() -> None:
    pytest.importorskip("rapidfuzz")
    (sentence,) = read_as("Who is Tom Hankes?").notices
    assert sentence == (
        "'Tom Hankes' is not stored; the nearest stored value is 'Tom Hanks' (Person.name); "
        "the question was read so"
    )


def test_the_user_is_told_of_a_translation() -> None:
    pytest.importorskip("babel")
    (sentence,) = read_as("Hangi filmler Almanya yapımı?").notices
    assert sentence == "'Almanya' means 'Germany' (Country.name, Film.country); the question was read so"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Which films is Tom Hanks in?", False),
        ("Which films is Tom Hankes in?", True),
        ("Films?", False),
        ("List the top 5 films", False),
        ("Airport 77 is how long?", True),
        ("Anna Karenina is how long?", True),
    ],
)
def test_an_index_is_wanted_only_for_what_looks_like_a_name(question: str, expected: bool) -> None:
    texts = [text for text in candidates(question) if text[0].isupper()]
    assert bool(unknown_names(question, texts, STORED)) is expected


@given(st.text(max_size=60))
def test_any_question_can_be_read(question: str) -> None:
    found = read_as(question)
    assert bool(found.substitutions) == (found.question != question)
