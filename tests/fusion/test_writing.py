"""An answer does not depend on who else is in the writing, nor on who came before and left."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from polycypher.fusion import writing as room
from polycypher.fusion.runner import Runner
from polycypher.fusion.stacked import StackedAdapter
from tiny_models import END, random_adapters, random_ids, tiny_llama

K = 3
STEPS = 9
MIX = torch.tensor([0.5, 0.2, 0.3])
PREFIXES = (14, 5, 0)
SUFFIXES = (9, 4, 1, 6)


@pytest.fixture(scope="module")
def runner() -> Runner:
    base = tiny_llama()
    return Runner(base, StackedAdapter(base, random_adapters(base, K)), end=END)


def prompt(number: int) -> tuple[list[int], list[int]]:
    """The prompt of a question by its number."""
    prefix = random_ids(PREFIXES[number % 3], seed=50).tolist()
    return prefix, random_ids(SUFFIXES[number % 4], seed=number).tolist()


class Ends:
    """Lets the model write, and ends the answer after so many tokens."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def allows(self, token_id: int) -> bool:
        return bool(self.mask()[token_id])

    def mask(self) -> Tensor:
        allowed = torch.ones(96, dtype=torch.bool)
        allowed[END] = False
        return allowed if self.left else ~allowed

    def advance(self, token_id: int) -> None:
        self.left -= 1


def length(number: int) -> int:
    """How long the answer to a question is."""
    return 1 + (5 * number) % STEPS


def alone(runner: Runner, number: int) -> list[int]:
    """A question's answer, with nobody else there."""
    states = runner.run([prompt(number)], torch.eye(K), [0] * K)
    (ids,) = runner.generate(states, MIX, most=STEPS, masks=[Ends(length(number))])
    return ids


def add(runner: Runner, writing: room.Writing, numbers: list[int]) -> list[tuple[int, list[int]]]:
    """Let questions join together."""
    owners = [place for place in range(len(numbers)) for _ in range(K)]
    states = runner.run([prompt(number) for number in numbers], torch.eye(K).repeat(len(numbers), 1), owners)
    masks = [Ends(length(number)) for number in numbers]
    return writing.add(states, MIX.repeat(len(numbers)), numbers=numbers, masks=masks)


@pytest.mark.parametrize("slack", [1, 64])
@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 6), st.booleans()), min_size=1, max_size=5))
def test_questions_that_come_and_go_are_answered_as_if_alone(
    runner: Runner, slack: int, turns: list[tuple[int, int, bool]]
) -> None:
    """Each turn some join, then some steps are made; in some turns the first that is there leaves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_SLACK", slack)
        writing = runner.write(most=STEPS)
        found: dict[int, list[int]] = {}
        inside: list[int] = []
        left: set[int] = set()
        count = 0
        for joining, steps, leaves in turns:
            numbers = list(range(count, count + joining))
            count += joining
            inside += numbers
            found.update(add(runner, writing, numbers))
            for _ in range(steps):
                if writing.questions:
                    found.update(writing.step())
            inside = [number for number in inside if number not in found]
            if leaves and inside:
                left.add(inside[0])
                writing.drop([inside.pop(0)])
            assert writing.questions == len(inside)
        while writing.questions:
            found.update(writing.step())
    assert found.keys() == set(range(count)) - left
    for number, ids in found.items():
        assert ids == alone(runner, number)
        assert len(ids) == length(number)


def test_memory_that_holds_no_numbers_changes_nothing(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of other lengths leave places that are never written."""
    empty = torch.empty

    def poisoned(*size: Any, **options: Any) -> Tensor:
        made = empty(*size, **options)
        return made.fill_(float("nan")) if made.is_floating_point() else made

    new_empty = Tensor.new_empty

    def poisoned_too(self: Tensor, *size: Any, **options: Any) -> Tensor:
        made = new_empty(self, *size, **options)
        return made.fill_(float("nan")) if made.is_floating_point() else made

    expected = [alone(runner, number) for number in range(6)]
    monkeypatch.setattr(torch, "empty", poisoned)
    monkeypatch.setattr(Tensor, "new_empty", poisoned_too)
    writing = runner.write(most=STEPS)
    found = dict(add(runner, writing, [1, 2]))
    found.update(writing.step())
    found.update(add(runner, writing, [0, 3]))
    found.update(writing.step())
    found.update(add(runner, writing, [4, 5]))
    while writing.questions:
        found.update(writing.step())
    assert [found[number] for number in range(6)] == expected


def test_tokens_are_told_with_their_question(runner: Runner) -> None:
    told: list[tuple[int, int]] = []
    writing = runner.write(most=3)
    states = runner.run([prompt(0), prompt(1)], torch.eye(K).repeat(2, 1), [0] * K + [1] * K)
    found = dict(
        writing.add(
            states,
            MIX.repeat(2),
            numbers=[7, 9],
            masks=[None, None],
            on_token=lambda number, token: told.append((number, token)),
        )
    )
    while writing.questions:
        found.update(writing.step())
    assert found.keys() == {7, 9}
    for number, ids in found.items():
        assert [token for which, token in told if which == number] == ids


def test_a_step_of_nothing_is_refused(runner: Runner) -> None:
    with pytest.raises(ValueError, match="no answer"):
        runner.write().step()
