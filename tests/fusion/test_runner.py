"""A batch gives what its questions give one by one."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from polycypher.corpus.prompt import PromptTokens
from polycypher.fusion.fused import FusedDecoder
from polycypher.fusion.runner import Runner
from polycypher.fusion.stacked import StackedAdapter
from tiny_models import END, random_adapters, random_ids, tiny_llama

K = 3
PREFIX = random_ids(14).tolist()
SUFFIXES = [random_ids(size, seed=size).tolist() for size in (9, 4, 1, 6)]
MIXES = torch.tensor([[0.5, 0.2, 0.3], [1.0, 0.0, 0.0], [0.1, 0.1, 0.8], [0.3, 0.3, 0.4]])
STEPS = 20


@pytest.fixture(scope="module")
def model() -> tuple[Any, StackedAdapter]:
    base = tiny_llama()
    return base, StackedAdapter(base, random_adapters(base, K))


def runner(model: tuple[Any, StackedAdapter], end: int = END) -> Runner:
    return Runner(*model, end=end)


def one_by_one(model: tuple[Any, StackedAdapter], end: int) -> list[list[int]]:
    decoder = FusedDecoder(*model, None, end=end)
    return [
        decoder.decode(PromptTokens(PREFIX, suffix, (0, 1)), weights=mix.tolist(), most=STEPS).ids
        for suffix, mix in zip(SUFFIXES, MIXES, strict=True)
    ]


def test_fused_answers_are_those_of_the_questions_alone(model: tuple[Any, StackedAdapter]) -> None:
    never = one_by_one(model, end=-1)
    end = never[0][5]  # an end token that comes at different steps
    alone = one_by_one(model, end)
    assert len({len(ids) for ids in alone}) > 1
    run = runner(model, end)
    states = run.states(PREFIX, SUFFIXES, torch.eye(K))
    assert run.generate(states, MIXES.flatten(), most=STEPS) == alone


def test_states_are_those_of_the_questions_alone(model: tuple[Any, StackedAdapter]) -> None:
    together = runner(model).states(PREFIX, SUFFIXES, torch.eye(K))
    for number, suffix in enumerate(SUFFIXES):
        alone = runner(model).states(PREFIX, [suffix], torch.eye(K)).of(0)
        torch.testing.assert_close(together.of(number).suffix, alone.suffix, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(together.of(number, 1).suffix, alone.suffix[:, :1], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(together.of(number).prefix, alone.prefix)


def test_a_row_of_zeros_is_the_base(model: tuple[Any, StackedAdapter]) -> None:
    run = runner(model)
    states = run.states(PREFIX, SUFFIXES[:1], torch.zeros(1, K))
    base = tiny_llama()
    with torch.inference_mode():
        plain = base.model(input_ids=torch.tensor([PREFIX + SUFFIXES[0]])).last_hidden_state
    torch.testing.assert_close(states.of(0).suffix, plain[:, len(PREFIX) :], atol=1e-4, rtol=1e-4)


def test_one_row_a_question_is_a_single_adapter(model: tuple[Any, StackedAdapter]) -> None:
    run = runner(model)
    decoder = FusedDecoder(*model, None, end=END)
    states = run.states(PREFIX, SUFFIXES, torch.eye(K)[1:2])
    found = run.generate(states, torch.ones(len(SUFFIXES)), most=STEPS)
    for suffix, ids in zip(SUFFIXES, found, strict=True):
        alone = decoder.decode(PromptTokens(PREFIX, suffix, (0, 1)), weights=[0.0, 1.0, 0.0], most=STEPS)
        assert ids == alone.ids


def test_probabilities_are_mixed_as_the_formula_has_it(model: tuple[Any, StackedAdapter]) -> None:
    run = runner(model)
    states = run.states(PREFIX, SUFFIXES, torch.eye(K))
    first = [ids[:1] for ids in run.generate(states, MIXES.flatten(), most=1, probabilities=True)]
    for number, suffix in enumerate(SUFFIXES):
        alone = run.states(PREFIX, [suffix], torch.eye(K))
        with torch.inference_mode():
            p = run.model.lm_head(alone.suffix[:, -1]).softmax(-1)
            token = int((MIXES[number][:, None] * p).sum(0).argmax())
        assert first[number] == ([] if token == END else [token])


def test_at_most_so_many_tokens(model: tuple[Any, StackedAdapter]) -> None:
    run = runner(model)
    states = run.states(PREFIX, SUFFIXES, torch.eye(K))
    assert max(len(ids) for ids in run.generate(states, MIXES.flatten(), most=2)) == 2


@pytest.mark.parametrize("stops", [(0,), (2,), (0, 5), (1, 2, 3)])
def test_finished_questions_do_not_disturb_the_others(
    model: tuple[Any, StackedAdapter], stops: tuple[int, ...]
) -> None:
    """Rows of a finished question are given up, and others move into their places."""
    run = runner(model)
    suffixes = [random_ids(3 + number, seed=number).tolist() for number in range(7)]

    class Ends:
        """Allows the end token alone from a step on."""

        def __init__(self, step: int | None) -> None:
            self.left = step

        def allows(self, token_id: int) -> bool:
            return bool(self.mask()[token_id])

        def mask(self) -> torch.Tensor:
            mask = torch.ones(96, dtype=torch.bool)
            mask[END] = False
            if self.left == 0:
                mask = ~mask
            return mask

        def advance(self, token_id: int) -> None:
            if self.left:
                self.left -= 1

    def answers(numbers: list[int]) -> list[list[int]]:
        masks = [Ends(2 * number + 1 if number in stops else None) for number in numbers]
        states = run.states(PREFIX, [suffixes[number] for number in numbers], torch.eye(K))
        mixes = MIXES[0].repeat(len(numbers))
        return run.generate(states, mixes, most=STEPS, masks=masks)

    together = answers(list(range(7)))
    for number, ids in enumerate(together):
        assert ids == answers([number])[0]
        assert len(ids) == (2 * number + 1 if number in stops else STEPS)
