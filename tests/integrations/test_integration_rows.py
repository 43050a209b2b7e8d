"""Rows as plain values and texts."""

from __future__ import annotations

from polycypher.ask import Answer
from polycypher.graph.values import Node, Temporal
from polycypher.integrations.rows import cells_of, facts_of, text_of


def test_cells_keep_columns_of_the_same_name() -> None:
    answer = Answer("RETURN 1 AS x, 2 AS x", columns=("x", "x"), rows=((1, 2),))
    assert list(cells_of(answer)) == [[("x", 1), ("x", 2)]]


def test_a_row_reads_as_text() -> None:
    node = Node("4:1", ("Movie",), {"title": "Solaris", "seen": Temporal("DATE", "2024-05-01")})
    answer = Answer("…", columns=("m", "n", "s"), rows=((node, None, "a; b"),))
    (cells,) = cells_of(answer)
    assert text_of(cells) == (
        'm: {"id": "4:1", "labels": ["Movie"], "properties": {"title": "Solaris", "seen": "2024-05-01"}}; '
        "n: null; s: a; b"
    )


def test_facts_hold_what_is_no_row() -> None:
    answer = Answer("RETURN 1", truncated=True, weights={"en": 1.0}, notices=("cut",))
    assert facts_of(answer) == {
        "cypher": "RETURN 1",
        "weights": {"en": 1.0},
        "truncated": True,
        "notices": ["cut"],
    }
