"""Keys and values in one piece of memory give what joining tensors gives."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from polycypher.fusion.keyvalues import KeyValues

LAYERS, HEADS, SIZE = 2, 3, 4


def room(rows: int, capacity: int) -> KeyValues:
    return KeyValues(LAYERS, HEADS, SIZE, rows, capacity, dtype=torch.float32, device=torch.device("cpu"))


def some(rows: int, tokens: int) -> Tensor:
    return torch.randn(rows, HEADS, tokens, SIZE)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(1, 4), st.integers(1, 8))
def test_appending_joins(parts: list[int], rows: int, capacity: int) -> None:
    kept = room(rows, capacity)
    expected = [(torch.empty(rows, HEADS, 0, SIZE),) * 2 for _ in range(LAYERS)]
    for tokens in parts:
        kept.reserve(kept.length + tokens)
        for layer in range(LAYERS):
            keys, values = some(rows, tokens), some(rows, tokens)
            before = expected[layer]
            expected[layer] = (torch.cat([before[0], keys], 2), torch.cat([before[1], values], 2))
            found = kept.append(layer, keys, values)
            assert torch.equal(found[0], expected[layer][0])
            assert torch.equal(found[1], expected[layer][1])
        kept.advance(tokens)
    assert kept.length == sum(parts)


@given(st.sets(st.integers(0, 5), min_size=1))
def test_selected_rows_stay_as_they_were(chosen: set[int]) -> None:
    kept, rows = room(6, 3), sorted(chosen)
    states = torch.randn(6, LAYERS, 2, HEADS, 3, SIZE)
    for row in range(6):
        kept.fill(row, states[row])
    kept.advance(3)
    kept.select(rows)
    assert kept.rows == len(rows)
    for place, row in enumerate(rows):
        assert torch.equal(kept.row(place, 3), states[row])


def test_a_row_goes_from_one_batch_to_another() -> None:
    one, other = room(1, 2), room(2, 9)
    for layer in range(LAYERS):
        one.append(layer, some(1, 2), some(1, 2))
    one.advance(2)
    other.fill(1, one.row(0, 2))
    assert torch.equal(other.row(1, 2), one.row(0, 2))


def test_growing_keeps_what_is_there_and_takes_more_than_asked() -> None:
    kept = room(1, 4)
    kept.fill(0, torch.ones(LAYERS, 2, HEADS, 4, SIZE))
    kept.advance(4)
    before = kept.bytes
    kept.reserve(5)
    assert kept.bytes == before * 6 // 4
    assert torch.equal(kept.row(0, 4), torch.ones(LAYERS, 2, HEADS, 4, SIZE))


@given(st.integers(1, 3), st.integers(1, 6), st.integers(1, 3), st.integers(1, 6))
def test_rows_that_join_stand_behind_and_end_together(rows: int, length: int, more: int, other: int) -> None:
    kept, joining = room(rows, length), room(more, other + 2)
    states = torch.randn(rows, LAYERS, 2, HEADS, length, SIZE)
    others = torch.randn(more, LAYERS, 2, HEADS, other, SIZE)
    for batch, given_states in ((kept, states), (joining, others)):
        for row, one in enumerate(given_states):
            batch.fill(row, one)
        batch.advance(given_states.shape[-2])
    kept.join(joining)
    longest = max(length, other)
    assert (kept.rows, kept.length) == (rows + more, longest)
    for row, one in enumerate([*states, *others]):
        found, before = kept.row(row, longest), longest - one.shape[-2]
        assert torch.equal(found[..., before:, :], one)
        assert not found[..., :before, :].any()


@given(st.integers(0, 4))
def test_the_first_tokens_can_be_forgotten(gone: int) -> None:
    kept = room(2, 5)
    states = torch.randn(2, LAYERS, 2, HEADS, 5, SIZE)
    for row in range(2):
        kept.fill(row, states[row])
    kept.advance(5)
    kept.forget(gone)
    assert kept.length == 5 - gone
    for row in range(2):
        assert torch.equal(kept.row(row, 5 - gone), states[row][..., gone:, :])
