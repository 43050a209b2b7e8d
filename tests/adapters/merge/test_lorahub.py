"""LoraHub where the best weights are known."""

from __future__ import annotations

import sys

import pytest
import torch
from merge_helpers import adapter, assert_same_update, delta

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge import exact, factor, lorahub
from polycypher.adapters.merge.applied import applied
from polycypher.errors import AdapterError, TrainingError, UsageError
from tiny_models import random_adapter, random_ids, tiny_llama

searching = pytest.mark.slow  # the search's library takes seconds to load


def distance(one: LoraAdapter, other: LoraAdapter) -> float:
    found, wanted = delta(one), delta(other)
    return sum(float((found[name] - wanted[name]).square().sum()) for name in found)


@searching
def test_the_weights_of_a_known_merge_are_found() -> None:
    adapters = [adapter(seed=seed, language=code) for seed, code in enumerate(("en", "es", "tr"))]
    # The factor merge of w and of -w are one update; the search starts between them.
    best = [0.8, -0.3, 0.5]
    wanted = factor(adapters, best)
    calls: list[float] = []

    def loss(one: LoraAdapter) -> float:
        calls.append(distance(one, wanted))
        return calls[-1]

    found = lorahub(adapters, loss, budget=150, penalty=0.0)
    told = found.record["merge"]
    weights = told["weights"]
    assert [abs(weight) for weight in weights] == pytest.approx([abs(weight) for weight in best], abs=0.05)
    assert weights[0] * weights[1] < 0 < weights[0] * weights[2]
    assert len(calls) == 150
    assert told["best_loss"] == min(calls)
    assert (told["method"], told["combine"], told["budget"]) == ("lorahub", "factor", 150)
    assert found.language == "en+es+tr"


@searching
def test_the_same_seed_finds_the_same_and_the_penalty_makes_weights_small() -> None:
    adapters = [adapter(seed=seed) for seed in range(2)]

    def loss(one: LoraAdapter) -> float:
        return distance(one, adapters[0]) / 100

    first, second = (lorahub(adapters, loss, budget=30, seed=3) for _ in range(2))
    assert first.record["merge"]["weights"] == second.record["merge"]["weights"]
    assert_same_update(first, delta(second), 0.0)
    heavy = lorahub(adapters, loss, budget=30, seed=3, penalty=100.0)
    assert sum(map(abs, heavy.record["merge"]["weights"])) < 0.5
    assert all(abs(weight) <= 0.2 for weight in lorahub(adapters, loss, bound=0.2).record["merge"]["weights"])


@searching
def test_a_model_finds_the_adapter_that_another_was_made_with() -> None:
    model, ids = tiny_llama(), random_ids(2, 12)
    adapters = [random_adapter(model, seed=seed) for seed in range(2)]

    @torch.inference_mode()
    def logits(one: LoraAdapter) -> torch.Tensor:
        with applied(model, one):
            found: torch.Tensor = model(input_ids=ids).logits
        return found

    wanted = logits(adapters[0])
    found = lorahub(adapters, lambda one: float((logits(one) - wanted).square().mean()), budget=80)
    weights = found.record["merge"]["weights"]
    assert abs(weights[0]) == pytest.approx(1.0, abs=0.2)
    assert abs(weights[1]) < 0.2


@searching
def test_ranks_may_differ_for_the_exact_combination() -> None:
    adapters = [adapter(2), adapter(4, seed=1)]
    found = lorahub(adapters, lambda one: distance(one, exact(adapters, [1, 0])), combine=exact, budget=60)
    assert found.record["merge"]["combine"] == "exact"
    assert found.record["merge"]["weights"][0] == pytest.approx(1.0, abs=0.2)


@searching
def test_a_loss_that_is_no_number() -> None:
    with pytest.raises(TrainingError, match="no number"):
        lorahub([adapter()], lambda one: float("inf"))


def test_what_cannot_be_searched_is_refused_before_the_search() -> None:
    def never(one: LoraAdapter) -> float:
        raise AssertionError("called")

    with pytest.raises(AdapterError, match="ranks 2 and 4"):
        lorahub([adapter(2), adapter(4)], never)
    with pytest.raises(AdapterError, match="above zero"):
        lorahub([adapter()], never, budget=0)


def test_without_the_library_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nevergrad", None)
    with pytest.raises(UsageError, match=r"pip install 'polycypher\[study\]'"):
        lorahub([adapter()], lambda one: 0.0)
