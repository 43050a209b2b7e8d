"""What is kept of prompts' first parts, and what is forgotten."""

from __future__ import annotations

import torch

from polycypher.fusion.prefixes import PrefixRow, PrefixStore


def row(numbers: int) -> PrefixRow:
    """A row of `numbers` + 1 numbers, four bytes each."""
    return PrefixRow(torch.zeros(numbers), torch.zeros(1))


def test_a_row_is_found_again() -> None:
    store = PrefixStore()
    kept = row(3)
    store.put("a", kept)
    assert store.get("a") is kept
    assert store.get("b") is None
    assert store.bytes == 16


def test_the_row_used_longest_ago_is_forgotten() -> None:
    store = PrefixStore(most_bytes=32)
    store.put("a", row(3))
    store.put("b", row(3))
    store.get("a")
    store.put("c", row(3))
    assert store.get("b") is None
    assert store.get("a") is not None
    assert store.get("c") is not None
    assert store.bytes == 32


def test_a_row_that_is_too_large_pushes_nothing_out() -> None:
    store = PrefixStore(most_bytes=32)
    store.put("a", row(3))
    store.put("large", row(30))
    assert store.get("large") is None
    assert store.get("a") is not None


def test_a_key_put_twice_counts_once() -> None:
    store = PrefixStore()
    store.put("a", row(3))
    store.put("a", row(7))
    assert (len(store), store.bytes) == (1, 32)
