"""What a node is called: one rule for all who write queries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.cypher.lexer import quote_name
from polycypher.cypher.normalise import normalise
from polycypher.cypher.variables import node_name


@pytest.mark.parametrize(
    ("label", "name"),
    [("Movie", "m"), ("_2Movie", "m"), ("Çalışan", "ç"), ("42", "n"), ("", "n"), ("😀", "n")],
)
def test_the_first_letter_in_lower_case(label: str, name: str) -> None:
    assert node_name(label) == name


@given(st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8))
def test_it_stands_without_backticks(label: str) -> None:
    assert quote_name(node_name(label)) == node_name(label)


@given(st.from_regex(r"[A-Za-zÇĞİÖŞÜçğıöşü][A-Za-z0-9_ ]{0,8}", fullmatch=True))
def test_the_canonical_form_calls_a_node_so(label: str) -> None:
    query = f"MATCH (thing:{quote_name(label)}) RETURN thing"
    assert normalise(query).endswith(f" RETURN {node_name(label)}")
