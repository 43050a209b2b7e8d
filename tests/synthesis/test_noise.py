"""Rough edges leave stored values alone."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from polycypher.synthesis.noise import roughen

QUESTION = "¿Qué películas dirigió Lana Wachowski después de 1999?"
CYPHER = (
    "MATCH (p:Person {name: 'Lana Wachowski'})-[:DIRECTED]->(m:Movie) WHERE m.released > 1999 RETURN m.title"
)


@given(st.integers())
def test_values_survive(seed: int) -> None:
    rough = roughen(QUESTION, CYPHER, Random(seed), 1.0)
    assert "Lana Wachowski" in rough
    assert "1999" in rough


@given(st.integers())
def test_an_apostrophe_in_a_value_survives(seed: int) -> None:
    rough = roughen(
        "Who is O'Hara Şık?", r"MATCH (p:Person {name: 'O\'Hara Şık'}) RETURN p.born", Random(seed), 1.0
    )
    assert "O'Hara Şık" in rough


def test_rate_zero_changes_nothing() -> None:
    assert all(roughen(QUESTION, CYPHER, Random(seed), 0.0) == QUESTION for seed in range(50))


def test_rate_one_changes_most() -> None:
    changed = [roughen(QUESTION, CYPHER, Random(seed), 1.0) for seed in range(60)]
    assert sum(text != QUESTION for text in changed) > 40
    assert any("?" not in text for text in changed)
    assert any("peliculas" in text for text in changed)
    assert any(text.startswith("¿qué") for text in changed)
