"""Which source token stands beside which target token."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from polycypher.corpus.prompt import PromptTokens
from polycypher.flare.alignment import NOTHING, FlarePrompt, align_rows, beside

lengths = st.integers(1, 12)


def test_position_by_position() -> None:
    assert beside(3, 3, 0) == ([0, 1, 2], [1, 2, 3])


def test_a_shorter_source_leaves_places_empty_and_keeps_the_frame() -> None:
    assert beside(3, 5, 1) == ([0, 1, NOTHING, NOTHING, 2], [1, 2, 2, 2, 3])


def test_a_longer_source_is_cut_in_the_middle() -> None:
    assert beside(6, 4, 2) == ([0, 1, 4, 5], [1, 2, 5, 6])


@given(lengths, lengths, st.integers(0, 4))
def test_places_rise_and_the_frames_end_together(source: int, target: int, tail: int) -> None:
    places, seen = beside(source, target, tail)
    assert len(places) == len(seen) == target
    there = [place for place in places if place != NOTHING]
    assert there == sorted(set(there))
    assert seen == sorted(seen)
    assert all(place < count <= source for place, count in zip(places, seen, strict=True))
    assert all(place in (NOTHING, at) for at, place in enumerate(places[: max(0, target - tail)]))
    if 0 < tail <= min(source, target):
        assert places[-tail:] == list(range(source - tail, source))


def test_no_source_leaves_all_places_empty() -> None:
    assert beside(0, 3, 2) == ([NOTHING] * 3, [0, 0, 0])


def test_a_pair_of_prompts_shares_schema_and_frame() -> None:
    source = PromptTokens([1, 2, 3], [10, 11, 9], (0, 2))
    target = PromptTokens([1, 2, 3], [20, 21, 22, 9], (0, 3))
    assert FlarePrompt.of(source, target) == FlarePrompt((1, 2, 3), (10, 11, 9), (20, 21, 22, 9), 1)


def test_prefixes_that_part_ways_are_shared_up_to_there() -> None:
    source = PromptTokens([1, 2, 7], [10, 8], (0, 1))
    target = PromptTokens([1, 2, 3], [20, 9], (0, 1))
    assert FlarePrompt.of(source, target) == FlarePrompt((1, 2), (7, 10, 8), (3, 20, 9), 0)


def test_only_what_was_counted_is_seen() -> None:
    made = align_rows([([0, 1], [1, 2]), ([-1, 0], [0, 1])], 3, attends=True, device=torch.device("cpu"))
    assert made.places.tolist() == [[0, 1], [-1, 0]]
    assert made.seen is not None
    assert made.seen.tolist() == [
        [[True, False, False], [True, True, False]],
        [[False] * 3, [True, False, False]],
    ]
