"""Exact match, EX and subset EX on rows."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from polycypher.evaluation.rows import exact_match, execution_accuracy, subset_accuracy
from polycypher.graph.values import Node, Value

Table = list[tuple[Value, ...]]

cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 3),
    st.sampled_from([0.5, 1.0, 2.25]),
    st.sampled_from(["a", "b"]),
    st.lists(st.integers(0, 2), max_size=2),
)


@st.composite
def tables(draw: st.DrawFn, *, min_rows: int = 0) -> Table:
    """Small tables over few values, so that repeated rows and look-alike columns are frequent."""
    width = draw(st.integers(1, 4))
    return draw(st.lists(st.tuples(*[cells] * width), min_size=min_rows, max_size=6))


def columns_permuted(table: Table, order: Sequence[int]) -> Table:
    return [tuple(row[place] for place in order) for row in table]


@given(tables())
def test_every_result_equals_itself(table: Table) -> None:
    assert exact_match(table, table)
    for ordered in (False, True):
        assert execution_accuracy(table, table, ordered=ordered)
        assert subset_accuracy(table, table, ordered=ordered)


@given(tables(min_rows=1), st.randoms(use_true_random=False))
def test_ex_does_not_see_the_order_of_columns(table: Table, shuffler: random.Random) -> None:
    order = list(range(len(table[0])))
    shuffler.shuffle(order)
    moved = columns_permuted(table, order)
    assert execution_accuracy(table, moved)
    assert execution_accuracy(table, moved, ordered=True)


@given(tables(min_rows=1), st.randoms(use_true_random=False))
def test_ex_does_not_see_the_order_of_rows_where_gold_does_not_order(
    table: Table, shuffler: random.Random
) -> None:
    moved = list(table)
    shuffler.shuffle(moved)
    order = list(range(len(table[0])))
    shuffler.shuffle(order)
    moved = columns_permuted(moved, order)
    assert execution_accuracy(table, moved)


@given(tables(min_rows=1), st.data())
def test_changing_one_cell_breaks_ex(table: Table, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(table) - 1))
    column = data.draw(st.integers(0, len(table[0]) - 1))
    changed = [list(cells_) for cells_ in table]
    changed[row][column] = "a value that no table holds"
    for ordered in (False, True):
        assert not execution_accuracy(table, changed, ordered=ordered)
        assert not subset_accuracy(table, changed, ordered=ordered)


@given(tables(), tables())
def test_ex_is_symmetric_and_never_above_subset(left: Table, right: Table) -> None:
    for ordered in (False, True):
        equal = execution_accuracy(left, right, ordered=ordered)
        assert equal == execution_accuracy(right, left, ordered=ordered)
        assert not equal or subset_accuracy(left, right, ordered=ordered)
    assert not execution_accuracy(left, right, ordered=True) or execution_accuracy(left, right)


@given(tables(), tables())
def test_exact_match_implies_ex(left: Table, right: Table) -> None:
    assert not exact_match(left, right) or execution_accuracy(left, right)


@given(tables(min_rows=1), st.data())
def test_extra_columns_are_right_for_subset_only(table: Table, data: st.DataObject) -> None:
    extra = data.draw(st.lists(cells, min_size=len(table), max_size=len(table)))
    wider = [(value, *row) for row, value in zip(table, extra, strict=True)]
    assert subset_accuracy(table, wider)
    assert not execution_accuracy(table, wider)
    assert not subset_accuracy(wider, table)


@given(tables(min_rows=1), st.integers(0, 5))
def test_a_row_twice_is_not_a_row_once(table: Table, place: int) -> None:
    doubled = [*table, table[place % len(table)]]
    assert not execution_accuracy(table, doubled)


def brute_force(gold: Table, prediction: Table) -> bool:
    if len(gold) != len(prediction):
        return False
    if not gold:
        return True
    return len(gold[0]) == len(prediction[0]) and any(
        Counter(gold) == Counter(columns_permuted(prediction, order))
        for order in permutations(range(len(gold[0])))
    )


@given(st.data())
def test_the_search_agrees_with_trying_every_permutation(data: st.DataObject) -> None:
    """Two values and up to five columns: columns look alike, and the search must backtrack."""
    width = data.draw(st.integers(2, 5))
    row = st.tuples(*[st.sampled_from("xy")] * width)
    gold = data.draw(st.lists(row, min_size=1, max_size=5))
    prediction = data.draw(
        st.one_of(
            st.lists(row, min_size=len(gold), max_size=len(gold)),
            st.permutations(range(width)).map(lambda order: columns_permuted(gold, order)),
        )
    )
    assert execution_accuracy(gold, prediction) == brute_force(gold, prediction)


def test_columns_must_agree_together_and_not_each_alone() -> None:
    gold = [("a", 1), ("b", 2)]
    crossed = [("a", 2), ("b", 1)]
    assert not execution_accuracy(gold, crossed)
    assert not execution_accuracy(gold, crossed, ordered=True)


def test_order_counts_when_gold_orders() -> None:
    gold = [("a", 1), ("b", 2)]
    assert not execution_accuracy(gold, [(2, "b"), (1, "a")], ordered=True)
    assert execution_accuracy(gold, [(1, "a"), (2, "b")], ordered=True)
    assert exact_match(gold, [("b", 2), ("a", 1)])


def test_two_equal_gold_columns_need_two_columns() -> None:
    assert not subset_accuracy([(1, 1), (2, 2)], [(1, 5), (2, 6)])
    assert not subset_accuracy([(1, 1), (2, 2)], [(1, 5), (2, 6)], ordered=True)
    assert subset_accuracy([(1, 1), (2, 2)], [(1, 5, 1), (2, 6, 2)])


def test_empty_results_are_equal_whatever_their_columns() -> None:
    assert exact_match([], [])
    assert execution_accuracy([], [], ordered=True)
    assert not execution_accuracy([], [(None,)])
    assert not execution_accuracy([(None,)], [])


@pytest.mark.parametrize(
    ("prediction", "exact"), [([("a", 3)], True), ([(3, "a")], False), ([("a", 3.0)], False)]
)
def test_exact_match_is_strict_where_ex_is_not(prediction: Table, exact: bool) -> None:
    assert exact_match([("a", 3)], prediction) is exact
    assert execution_accuracy([("a", 3)], prediction)


def test_nodes_with_other_ids_are_equal_in_rows() -> None:
    gold = [(Node("1", ("Film",), {"title": "x"}), 1)]
    assert execution_accuracy(gold, [(1.0, Node("5", ("Film",), {"title": "x"}))])


@pytest.mark.parametrize("make", ["distinct", "few values", "all the same"])
def test_twelve_columns_and_thousands_of_rows_take_little_time(make: str) -> None:
    shuffler = random.Random(0)
    choices = {"distinct": 10_000, "few values": 3, "all the same": 1}[make]
    gold = [tuple(shuffler.randrange(choices) for _ in range(12)) for _ in range(5_000)]
    order = list(range(12))
    shuffler.shuffle(order)
    moved = columns_permuted(gold, order)
    shuffler.shuffle(moved)
    began = time.perf_counter()
    assert execution_accuracy(gold, moved)
    moved[17] = (*moved[17][:-1], -1)
    assert not execution_accuracy(gold, moved)
    assert time.perf_counter() - began < 10.0


def test_look_alike_columns_do_not_explode() -> None:
    """Twelve columns, each a rotation of one another's values, and one pair of cells exchanged."""
    gold = [tuple(int((row + 5 * column) % 12 < 6) for column in range(12)) for row in range(12)]
    broken = [list(row) for row in gold]
    ones = [row for row in range(12) if broken[row][0] == 1]
    zeros = [row for row in range(12) if broken[row][0] == 0]
    broken[ones[0]][0], broken[zeros[0]][0] = 0, 1
    began = time.perf_counter()
    assert execution_accuracy(gold, columns_permuted([*map(tuple, gold)], [*range(11, -1, -1)]))
    assert not execution_accuracy(gold, broken)
    assert time.perf_counter() - began < 10.0


@given(tables(min_rows=2))
def test_ordered_needs_the_sequence(table: Table) -> None:
    turned = table[::-1]
    assume(table != turned)
    numbered = [(*row, f"row {place}") for place, row in enumerate(table)]
    assert execution_accuracy(numbered, numbered[::-1])
    assert not execution_accuracy(numbered, numbered[::-1], ordered=True)
