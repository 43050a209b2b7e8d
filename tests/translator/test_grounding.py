"""Which values of a question hold a query to their properties."""

from __future__ import annotations

import pytest

from polycypher.translator.grounding import candidates, grounded, quoted

TITLE, NAME = frozenset({("Movie", "title")}), frozenset({("Person", "name")})


def test_candidates_are_quotes_and_runs_of_words() -> None:
    found = candidates("Who acted in 'Speed Racer' with Tom Hanks?")
    assert {"Speed Racer", "Tom Hanks", "Who", "Racer"} <= set(found)
    assert all(len(text.split()) <= 9 for text in found)


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("Say 'a b' and \"c\"", ["a b", "c"]),
        ("Tom Hanks'in filmleri, Clint Eastwood'un da", []),
        ("«Yol» ve “Sürü” ve „Uzak“", ["Yol", "Sürü", "Uzak"]),
        ("don't quote what isn't quoted", []),
        ("the film 'Schindler's List'", ["Schindler's List"]),
    ],
)
def test_quotation_marks_and_apostrophes(question: str, texts: list[str]) -> None:
    assert quoted(question) == texts


def test_a_stored_name_holds_the_query() -> None:
    assert grounded("Who directed 'The Matrix'?", {"The Matrix": TITLE}) == {"The Matrix": TITLE}
    assert grounded("Tom Hanks hangi filmlerde oynadı?", {"Tom Hanks": NAME}) == {"Tom Hanks": NAME}
    assert grounded("films with tom hanks", {"Tom Hanks": NAME}) == {"Tom Hanks": NAME}


@pytest.mark.parametrize(
    "question",
    [
        "Did Tom Hanks act in 'Nowhere Film'?",  # quoted, stored nowhere
        "Which films have Tom Hanks and Foo Barbaz?",  # a name that is stored nowhere
        "Who is it?",  # nothing stored
    ],
)
def test_an_unknown_name_restricts_nothing(question: str) -> None:
    assert grounded(question, {"Tom Hanks": NAME} if "Hanks" in question else {}) is None


def test_common_words_and_names_of_the_schema_are_no_values() -> None:
    assert grounded("Which movie is the best?", {"best": TITLE}) is None
    assert grounded("List every Movie", {"Movie": NAME}, known=["Movie"]) is None
    assert grounded("Speed is a film", {"Speed": TITLE}) is None  # a capital that begins the question


def test_a_value_within_a_longer_one_does_not_count() -> None:
    stored = {"The Matrix Reloaded": TITLE, "The Matrix": TITLE, "Matrix": NAME}
    assert grounded("Who made 'The Matrix Reloaded'?", stored) == {"The Matrix Reloaded": TITLE}
