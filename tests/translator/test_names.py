"""A literal that is the end of a name in the question becomes the whole name."""

from __future__ import annotations

import pytest

from polycypher.translator.names import complete_names

QUERY = "MATCH (p:Person {name: 'Eastwood'}) RETURN p"


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("¿Qué películas dirigió Clint Eastwood?", "Clint Eastwood"),
        ("Who knows 'Eastwood' and Clint Eastwood?", "Eastwood"),
        ("Which films did Eastwood direct?", "Eastwood"),
        ("List Eastwood films", "Eastwood"),
    ],
)
def test_names(question: str, name: str) -> None:
    assert complete_names(QUERY, question) == QUERY.replace("Eastwood", name)


def test_a_query_that_cannot_be_read_is_left_alone() -> None:
    assert complete_names("MATCH (p {name: 'x", "Who is Clint Eastwood?") == "MATCH (p {name: 'x"
