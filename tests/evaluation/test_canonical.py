"""Which values count as one value."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polycypher.evaluation.canonical import canonical_tables
from polycypher.graph.values import Node, Path, Point, Relationship, Temporal, Value


def same(left: Value, right: Value, *others: Value) -> bool:
    first, second, _ = canonical_tables([[left]], [[right]], [[other] for other in others])
    return first == second


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (3, 3.0),
        (0, -0.0),
        (0.1 + 0.2, 0.3),
        (2.9999999999, 3),
        (1234567.4999999998, 1234567.5),  # either side of a rounding boundary
        (1.2345675, 1.23456749999999),
        (1e-17, 0),
        (math.nan, math.nan),
        (math.inf, math.inf),
        (None, None),
        ([1, 2, 2], [2, 1, 2]),
        ([None, "a"], ["a", None]),
        ({"a": 1, "b": [1, 2]}, {"b": [2, 1], "a": 1.0}),
        (Temporal("DATE", "1997-03-31"), "1997-03-31"),
        (Point(4326, (1.0, 2.0)), Point(4326, (1.0, 2.0000000001))),
        (Node("7", ("B", "A"), {"x": 1}), Node("9", ("A", "B"), {"x": 1.0})),
        (
            Relationship("1", "KNOWS", "7", "8", {"since": 2.0}),
            Relationship("2", "KNOWS", "17", "18", {"since": 2}),
        ),
    ],
)
def test_equal(left: Value, right: Value) -> None:
    assert same(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, True),
        (0, False),
        (1, "1"),
        (None, "null"),
        (None, ""),
        ("a", "A"),
        (2_000_000, 2_000_001),  # integers are exact, whatever their size
        (2_000_000.0, 2_000_001),
        (0.3, 0.30001),
        (math.inf, -math.inf),
        ([1, 2, 2], [1, 1, 2]),
        ([1], 1),
        ([], None),
        ({"a": 1}, {"b": 1}),
        ({"a": None}, {}),
        (Node("7", ("A",), {"x": 1}), Node("7", ("B",), {"x": 1})),
        (Node("7", ("A",), {"x": 1}), Node("7", ("A",), {"x": 2})),
        (Node("7", ("A",), {"x": 1}), {"x": 1}),
        (Relationship("1", "KNOWS", "7", "8"), Relationship("1", "LIKES", "7", "8")),
        (Point(4326, (1.0, 2.0)), Point(7203, (1.0, 2.0))),
    ],
)
def test_different(left: Value, right: Value) -> None:
    assert not same(left, right)


def test_paths_compare_their_parts_in_order() -> None:
    a, b = Node("1", ("A",)), Node("2", ("B",))
    step = Relationship("3", "R", "1", "2")
    assert same(Path((a, b), (step,)), Path((Node("8", ("A",)), Node("9", ("B",))), (step,)))
    assert not same(Path((a, b), (step,)), Path((b, a), (step,)))


def test_numbers_inside_nested_values_are_compared_with_tolerance() -> None:
    def nested(number: float) -> Value:
        return {"list": [{"node": Node("1", (), {"share": number})}]}

    assert same(nested(0.1 + 0.2), nested(0.3))
    assert not same(nested(0.3), nested(0.31))


def test_a_third_number_does_not_part_two_close_ones() -> None:
    # Rounding or grouping from the smallest would cut between the two at some offset of the third.
    for step in range(40):
        assert same(1.5, 1.5 + 1e-12, 1.5 - step * 1e-7)


def test_integers_stay_apart_beside_fractions_between_them() -> None:
    assert not same(2_000_000, 2_000_001, 2_000_000.25, 2_000_000.5, 2_000_000.75)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_noise_in_the_last_bits_never_counts(number: float) -> None:
    assert same(number, math.nextafter(math.nextafter(number, math.inf), math.inf))


@given(
    st.floats(min_value=0.001, max_value=1e9).filter(lambda number: not number.is_integer()),
    st.floats(min_value=3e-6, max_value=1.0),
)
def test_a_difference_beyond_the_tolerance_always_counts(number: float, share: float) -> None:
    assert not same(number, number * (1.0 + share))


def test_shape_and_repetition_are_kept() -> None:
    first, second = canonical_tables([["a", "b"], ["a", "a"]], [])
    assert first[0][0] == first[1][0] == first[1][1] != first[0][1]
    assert second == []
