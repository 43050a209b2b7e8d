"""Prompts are run in groups that a CPU's caches bear, and only in rows that their modes ask for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st

from polycypher.corpus.prompt import PromptTokens
from polycypher.fusion.reading import Question, Reader

K = 3
CPU, OTHER = torch.device("cpu"), torch.device("meta")


def reader(device: torch.device) -> Reader:
    runner: Any = SimpleNamespace(device=device, stacked=SimpleNamespace(count=K))
    nobody: Any = None
    return Reader(runner, nobody)


@given(st.lists(st.tuples(st.integers(1, 700), st.booleans()), max_size=40))
def test_groups_hold_each_question_once_and_no_more_tokens_than_is_good(
    asked: list[tuple[int, bool]],
) -> None:
    questions = [Question(PromptTokens([], [0] * length, (0, 1))) for length, _ in asked]
    known = [torch.ones(K) if given else None for _, given in asked]
    groups = list(reader(CPU).together(questions, known))
    assert sorted(place for group in groups for place in group) == list(range(len(asked)))
    for group in groups:
        assert len({known[place] is None for place in group}) == 1
        rows = K if known[group[0]] is None else 1
        tokens = len(group) * rows * max(len(questions[place].prompt.suffix) for place in group)
        assert tokens <= 512 or len(group) == 1


def test_elsewhere_all_run_together() -> None:
    questions = [Question(PromptTokens([], [0] * 700, (0, 1))) for _ in range(9)]
    assert list(reader(OTHER).together(questions, [None] * 9)) == [list(range(9))]
