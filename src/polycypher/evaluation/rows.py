"""Comparing the rows of two results: exact match, execution accuracy (EX), subset EX.

All three take rows only; column names never count, because a question does not say how to name a column.
Knows nothing of queries, databases or languages.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator

from polycypher.evaluation.canonical import Rows, canonical_tables
from polycypher.graph.values import to_json

SEARCH_BUDGET = 10_000_000
"""Cells that the search for a column permutation may visit; past it two results count as different.

Only results whose columns all hold the same values in a highly symmetric arrangement come near it.
"""

Columns = list[tuple[int, ...]]
"""Canonical values by column, each `[rows]`."""


def exact_match(gold: Rows, prediction: Rows) -> bool:
    """The paper's measure: rows written as text, values in column order, sorted, compared.

    Strict on columns (their order and number), number types (`3` is not `3.0`) and lists' order;
    blind to the order of rows even where the gold query orders.
    """
    return _sorted_texts(gold) == _sorted_texts(prediction)


def execution_accuracy(gold: Rows, prediction: Rows, *, ordered: bool = False) -> bool:
    """EX as in CypherBench: equal multisets of rows under some permutation of the prediction's columns.

    Args:
        gold, prediction: rows `[rows, columns]`.
        ordered: the gold query orders its rows; then the sequences must be equal. Rows that tie under
            the gold's ordering are not forgiven: the keys it sorts by need not be in the result.

    Two empty results are equal whatever their columns. Values are compared as in `canonical`.
    """
    if gold and prediction and len(gold[0]) != len(prediction[0]):
        return False
    return subset_accuracy(gold, prediction, ordered=ordered)


def subset_accuracy(gold: Rows, prediction: Rows, *, ordered: bool = False) -> bool:
    """Subset EX: some columns of the prediction, in some order, make the gold rows.

    A prediction that returns more columns than asked is right here and wrong under EX; one that leaves
    a gold column out, or returns other rows, is wrong under both.
    """
    if len(gold) != len(prediction):
        return False
    if not gold:
        return True
    if len(gold[0]) > len(prediction[0]):
        return False
    canonical_gold, canonical_prediction = canonical_tables(gold, prediction)
    gold_columns: Columns = list(zip(*canonical_gold, strict=True))
    columns: Columns = list(zip(*canonical_prediction, strict=True))
    if ordered:
        # With the order of rows fixed, whole columns decide, each for itself.
        return Counter(gold_columns) <= Counter(columns)
    return _ColumnSearch(gold_columns, columns).found()


def _sorted_texts(rows: Rows) -> list[str]:
    return sorted(
        json.dumps([to_json(value) for value in row], ensure_ascii=False, sort_keys=True) for row in rows
    )


class _ColumnSearch:
    """Backtracking over columns: gives each gold column its own column of the prediction.

    A column can stand for another only if both hold the same multiset of values. After each choice the
    rows, cut to the columns chosen so far, must agree as multisets; a row is therefore carried as one
    integer that stands for its values so far. When all gold columns are placed the rows agree.
    """

    def __init__(self, gold: Columns, prediction: Columns) -> None:
        self.gold = gold
        self.prediction = prediction
        self.visited = 0
        by_values: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
        for number, column in enumerate(prediction):
            by_values[tuple(sorted(column))].append(number)
        self.candidates = [by_values.get(tuple(sorted(column)), []) for column in gold]
        # A column with many different values tells the rows apart at once, and little is left to try.
        self.order = sorted(range(len(gold)), key=lambda number: -len(set(gold[number])))

    def found(self) -> bool:
        """Whether a placement exists (False also when the budget runs out first)."""
        if not all(self.candidates):
            return False
        rows = len(self.gold[0])
        return self._place(0, [0] * rows, [0] * rows, frozenset())

    def _place(self, step: int, gold_rows: list[int], rows: list[int], used: frozenset[int]) -> bool:
        if step == len(self.order):
            return True
        column = self.order[step]
        integers: dict[tuple[int, int], int] = {}
        gold_pairs = zip(gold_rows, self.gold[column], strict=True)
        extended_gold = [integers.setdefault(pair, len(integers)) for pair in gold_pairs]
        wanted = sorted(extended_gold)
        for candidate in self._choices(column, used):
            self.visited += len(rows)
            if self.visited > SEARCH_BUDGET:
                return False
            pairs = zip(rows, self.prediction[candidate], strict=True)
            extended = [integers.get(pair, -1) for pair in pairs]
            if sorted(extended) == wanted and self._place(
                step + 1, extended_gold, extended, used | {candidate}
            ):
                return True
        return False

    def _choices(self, column: int, used: frozenset[int]) -> Iterator[int]:
        """Free candidates for a gold column; of columns that are equal row by row only one."""
        tried: set[tuple[int, ...]] = set()
        for candidate in self.candidates[column]:
            values = self.prediction[candidate]
            if candidate not in used and values not in tried:
                tried.add(values)
                yield candidate
