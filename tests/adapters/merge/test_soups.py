"""LoRA-Soups where the best weights are known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from merge_helpers import NAMES, adapter, assert_same_update, delta
from torch import Tensor

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge import exact, lora_soups
from polycypher.adapters.merge.applied import applied
from polycypher.errors import TrainingError
from tiny_models import random_adapters, random_ids, tiny_llama


def distance_to(target: dict[str, Tensor]) -> Callable[[LoraAdapter], Tensor]:
    """Σ ‖ΔW − target‖², differentiable in the adapter."""

    def loss(one: LoraAdapter) -> Tensor:
        return torch.stack(
            [
                (one.scale * (b @ a) - target[name].float()).square().sum()
                for name, (a, b) in one.factors.items()
            ]
        ).sum()

    return loss


def mixture(adapters: list[LoraAdapter], weights: dict[str, list[float]]) -> dict[str, Tensor]:
    """Each matrix with weights of its own."""
    deltas = [delta(one) for one in adapters]
    return {
        name: torch.stack([w * d[name] for w, d in zip(weights[name], deltas, strict=True)]).sum(0)
        for name in weights
    }


@pytest.mark.parametrize(
    ("softmax", "best"),
    [
        (True, {NAMES[0]: [0.7, 0.2, 0.1], NAMES[1]: [0.1, 0.15, 0.75]}),
        (False, {NAMES[0]: [0.9, -0.4, 1.3], NAMES[1]: [0.0, 0.5, 0.2]}),
    ],
)
def test_each_module_finds_its_own_weights(softmax: bool, best: dict[str, list[float]]) -> None:
    adapters = [
        adapter(rank, alpha, seed, language=str(seed))
        for seed, (rank, alpha) in enumerate([(2, 4.0), (3, 3.0), (1, 2.0)])
    ]
    target = mixture(adapters, best)
    soup = lora_soups(adapters, distance_to(target), steps=300, rate=0.05, softmax=softmax)
    told = soup.record["merge"]
    for name, weights in best.items():
        assert told["module_weights"][name] == pytest.approx(weights, abs=0.01)
    assert_same_update(soup, target, 0.02)
    assert told["weights"] == pytest.approx(
        [(one + two) / 2 for one, two in zip(best[NAMES[0]], best[NAMES[1]], strict=True)], abs=0.01
    )
    assert (soup.rank, soup.language) == (6, "0+1+2")
    assert told["last_loss"] < 1e-2 * told["first_loss"]


def test_a_model_finds_the_adapter_that_another_was_made_with() -> None:
    model, ids = tiny_llama(), random_ids(4, 12)
    adapters = random_adapters(model, 3)
    with torch.inference_mode(), applied(model, adapters[1]):
        wanted = model(input_ids=ids).logits
    wanted = wanted.clone()

    def loss(one: LoraAdapter) -> Tensor:
        with applied(model, one):
            found: Tensor = (model(input_ids=ids).logits - wanted).square().mean()
        return found

    soup = lora_soups(adapters, loss, steps=60, rate=0.2)
    assert soup.record["merge"]["weights"][1] > 0.9
    assert soup.record["merge"]["last_loss"] < 0.05 * soup.record["merge"]["first_loss"]


@pytest.mark.parametrize("softmax", [True, False])
def test_before_the_first_step_it_is_the_exact_merge(softmax: bool) -> None:
    adapters = [adapter(2), adapter(3, 4.0, 1)]
    soup = lora_soups(adapters, distance_to(delta(adapters[0])), steps=0, softmax=softmax)
    assert_same_update(soup, delta(exact(adapters)))


def test_the_adapters_stay_as_they_are() -> None:
    adapters = [adapter(2), adapter(3, 4.0, 1)]
    before = [delta(one) for one in adapters]
    lora_soups(adapters, distance_to(before[0]), steps=3)
    for one, same in zip(adapters, before, strict=True):
        assert_same_update(one, same, 0.0)


def test_each_step_is_told() -> None:
    seen: list[tuple[int, float]] = []
    one = adapter()
    lora_soups(
        [one, adapter(seed=1)], distance_to(delta(one)), steps=4, watch=lambda *told: seen.append(told)
    )
    assert [step for step, _ in seen] == [0, 1, 2, 3]
    assert seen[0][1] > seen[-1][1]


def test_a_loss_that_cannot_teach() -> None:
    adapters = [adapter(), adapter(seed=1)]
    with pytest.raises(TrainingError, match="step 0 is no number"):
        lora_soups(adapters, lambda one: next(iter(one.factors.values()))[1].sum() * float("nan"))
    with pytest.raises(TrainingError, match="does not depend"):
        lora_soups(adapters, lambda one: torch.tensor(1.0))
