"""A FLARE adapter among LoRAs: Σ w_i head(h_i)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from flare_helpers import PAIRS, randomise

from polycypher.errors import UsageError
from polycypher.flare.alignment import FlarePrompt
from polycypher.flare.decoding import Expert, FlareExpert, LoraExpert, answer
from polycypher.flare.expert import answer_mixed, first_states
from polycypher.flare.model import FlareModel
from polycypher.flare.task import TaskModel
from polycypher.fusion.runner import Runner
from polycypher.fusion.stacked import StackedAdapter
from tiny_models import END, random_adapters, tiny_llama


@pytest.fixture
def experts() -> Iterator[list[Expert]]:
    """Two LoRAs of one stack, and FLARE over the first of them."""
    base = tiny_llama()
    adapters = random_adapters(base, 2)
    stacked = StackedAdapter(base, adapters)
    units = stacked.one_hot()
    first, second = (TaskModel(base, stacked, units[n], [adapters[n]]) for n in range(2))
    model = FlareModel(first, fusion="add-relu", rank=4)
    randomise(model)
    yield [LoraExpert(first), LoraExpert(second), FlareExpert(model)]
    model.remove()


def weights(*row: float) -> torch.Tensor:
    return torch.tensor([row] * len(PAIRS))


def test_weight_one_is_that_expert_alone(experts: list[Expert]) -> None:
    for place, expert in enumerate(experts):
        one = weights(*(float(other == place) for other in range(3)))
        assert answer_mixed(experts, PAIRS, one, end=END, most=6) == answer(
            expert, PAIRS, end=END, most=6, batch=len(PAIRS)
        )


def test_a_lora_alone_is_the_runner(experts: list[Expert]) -> None:
    """The same answers as the rows of the fused decoder, which knows no FLARE."""
    second = experts[1].task
    assert second.stacked is not None
    runner = Runner(second.model, second.stacked, end=END)
    states = runner.run(
        [(one.prefix, one.target) for one in PAIRS], second.weights.expand(4, -1), range(len(PAIRS))
    )
    wanted = runner.generate(states, torch.ones(4), most=6)
    assert answer_mixed(experts, PAIRS, weights(0, 1, 0), end=END, most=6) == wanted


def test_weights_mix_logits(experts: list[Expert]) -> None:
    """The first token is the best of 0.3 L_1 + 0.3 L_2 + 0.4 L_FLARE."""
    head = experts[0].task.model.lm_head
    states = first_states(experts, PAIRS)
    with torch.no_grad():
        fused = 0.3 * head(states[:, 0]) + 0.3 * head(states[:, 1]) + 0.4 * head(states[:, 2])
    made = answer_mixed(experts, PAIRS, weights(0.3, 0.3, 0.4), end=-5, most=1)
    assert [ids[0] for ids in made] == fused.argmax(-1).tolist()


def test_prompts_have_their_own_weights(experts: list[Expert]) -> None:
    own = torch.eye(3)[[0, 1, 2, 0]]
    made = answer_mixed(experts, PAIRS, own, end=END, most=6)
    for number, place in enumerate((0, 1, 2, 0)):
        prompt: list[FlarePrompt] = [PAIRS[number]]
        assert made[number] == answer(experts[place], prompt, end=END, most=6)[0]


def test_what_cannot_be_mixed_is_refused(experts: list[Expert]) -> None:
    with pytest.raises(UsageError, match="weights of that shape"):
        answer_mixed(experts, PAIRS, torch.ones(1, 3), end=END)
    other = LoraExpert(TaskModel(tiny_llama(seed=1), None, torch.zeros(0), []))
    with pytest.raises(UsageError, match="different base models"):
        answer_mixed([experts[0], other], PAIRS, torch.ones(4, 2), end=END)
