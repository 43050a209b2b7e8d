"""TIES, DARE and magnitude pruning against their steps, their identities and PEFT."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from merge_helpers import (
    NAMES,
    adapter,
    alphas,
    any_adapters,
    assert_same_update,
    delta,
    pefts_merge,
    pefts_own,
    same_rank_adapters,
)
from torch import Tensor

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge import MERGES, exact, factor, peft
from polycypher.adapters.merge.sparse import Elect, SparseMerge, Sparsify, combine, elect, sparsify, weigh
from polycypher.errors import AdapterError
from tiny_models import random_adapter, tiny_llama

ON_FACTORS = ("ties", "dare-linear", "dare-ties", "magnitude-prune")
ON_UPDATES = tuple(f"{name}-svd" for name in ON_FACTORS)
ALL = (*ON_FACTORS, *ON_UPDATES)
WHOLE = 99  # more than any rank of an update here, so that nothing is cut


def merge(name: str, adapters: Sequence[LoraAdapter], weights: Any = None, **options: Any) -> LoraAdapter:
    """`name` without a cut."""
    if name in ON_UPDATES:
        options = {"rank": WHOLE, **options}
    return MERGES[name](adapters, weights, **options)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ---------------------------------------------------------------------------- the steps


@given(st.integers(1, 60), st.floats(0.01, 1.0), st.integers(0, 10**6))
def test_magnitude_keeps_the_largest(size: int, density: float, seed: int) -> None:
    values = torch.randn(size, generator=generator(seed))
    kept = sparsify(values, Sparsify.MAGNITUDE, density, generator())
    chosen = kept != 0
    assert int(chosen.sum()) == max(1, int(density * size))
    assert torch.equal(kept[chosen], values[chosen])
    if not chosen.all():
        assert values[chosen].abs().min() >= values[~chosen].abs().max()


@given(st.floats(0.05, 0.95), st.integers(0, 10**6))
def test_dare_drops_at_random_and_rescales_the_rest(density: float, seed: int) -> None:
    values = torch.randn(40, 50, generator=generator(seed)) + 3.0
    kept = sparsify(values, Sparsify.RANDOM, density, generator(seed))
    chosen = kept != 0
    assert torch.allclose(kept[chosen], values[chosen] / density)
    assert float(chosen.float().mean()) == pytest.approx(density, abs=0.07)  # six deviations of 2,000 draws


def test_dare_leaves_the_mean_as_it_is() -> None:
    values = torch.tensor([1.0, -2.0, 3.0])
    draw = generator()
    mean = torch.stack([sparsify(values, Sparsify.RANDOM, 0.3, draw) for _ in range(4000)]).mean(0)
    assert torch.allclose(mean, values, atol=0.25)


@pytest.mark.parametrize("how", Sparsify)
def test_a_density_of_one_keeps_everything(how: Sparsify) -> None:
    values = torch.randn(5, 7, generator=generator())
    assert torch.equal(sparsify(values, how, 1.0, generator()), values)


def test_the_sign_is_elected_by_mass_or_by_number() -> None:
    values = torch.tensor([[1.0, 2.0, 0.0, 1.0], [1.0, -1.0, -4.0, -1.0], [-5.0, 0.0, 1.0, 0.0]])
    by_mass = [[False, True, False, True], [False, False, True, False], [True, False, False, False]]
    assert elect(values, Elect.TOTAL).tolist() == by_mass  # a tie elects plus, a zero never takes part
    by_number = [[True, True, False, True], [True, False, False, False], [False, False, True, False]]
    assert elect(values, Elect.FREQUENCY).tolist() == by_number
    assert elect(values, Elect.NONE).all()


def test_agreeing_values_are_averaged_after_they_are_weighted() -> None:
    values = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
    weighted = weigh(values, [2.0, 10.0])
    assert weighted.tolist() == [[2.0, 4.0], [30.0, -10.0]]
    assert combine(weighted, elect(values, Elect.TOTAL), Elect.TOTAL).tolist() == [16.0, 4.0]
    assert combine(weighted, elect(values, Elect.NONE), Elect.NONE).tolist() == [32.0, -6.0]
    nobody = torch.zeros(2, 2)
    assert combine(nobody, elect(nobody, Elect.TOTAL), Elect.TOTAL).tolist() == [0.0, 0.0]


def one_matrix(update: Tensor) -> LoraAdapter:
    """An adapter of full rank whose one update is `update` [n, n]."""
    size = len(update)
    return LoraAdapter({"model.layers.0.mlp.up_proj": (torch.eye(size), update)}, size, float(size))


def test_ties_by_hand() -> None:
    first = one_matrix(torch.tensor([[5.0, 0.1], [-4.0, 0.2]]))
    second = one_matrix(torch.tensor([[-1.0, 0.3], [-2.0, 0.1]]))
    third = one_matrix(torch.tensor([[3.0, 0.3], [0.1, 6.0]]))
    merged = MERGES["ties-svd"]([first, second, third], density=0.5)
    # Trimmed: (5, -4), (-1, -2), (3, 6). Elected: plus, -, minus, plus. Means of those that agree: 4, -3, 6.
    expected = torch.tensor([[4.0, 0.0], [-3.0, 6.0]]).double()
    assert_same_update(merged, {"model.layers.0.mlp.up_proj": expected}, 1e-5)


# ---------------------------------------------------------------------------- identities


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=15)
@given(st.integers(1, 5), st.integers(1, 6), alphas)
def test_k_copies_of_one_adapter_give_it_back(name: str, k: int, rank: int, alpha: float) -> None:
    one = adapter(rank, alpha)
    assert_same_update(merge(name, [one] * k, density=1.0), delta(one), 1e-5)


@settings(max_examples=25)
@given(same_rank_adapters(alike=False), st.data())
def test_density_one_is_linear(adapters: list[LoraAdapter], data: st.DataObject) -> None:
    count = len(adapters)
    weights = data.draw(st.lists(st.floats(-2.0, 2.0), min_size=count, max_size=count))
    for name in ("dare-linear", "magnitude-prune"):
        assert_same_update(merge(name, adapters, weights, density=1.0), delta(peft(adapters, weights)), 1e-5)
        merged = merge(f"{name}-svd", adapters, weights, density=1.0)
        assert_same_update(merged, delta(exact(adapters, weights)), 1e-5)
        assert_same_update(merge(f"{name}-svd", adapters, density=1.0), delta(exact(adapters)), 1e-5)


def test_without_weights_factors_are_averaged_as_the_factor_merge_does() -> None:
    adapters = [adapter(seed=seed) for seed in range(3)]
    assert_same_update(merge("magnitude-prune", adapters, density=1.0), delta(factor(adapters)), 1e-5)


@pytest.mark.parametrize("name", [name for name in ALL if "dare" not in name])
@settings(max_examples=15)
@given(same_rank_adapters(alike=False), st.randoms(use_true_random=False), st.floats(0.2, 1.0))
def test_the_order_of_the_adapters_is_of_no_account(
    name: str, adapters: list[LoraAdapter], random: Any, density: float
) -> None:
    weights = [0.5 + place for place in range(len(adapters))]
    order = random.sample(range(len(adapters)), len(adapters))
    shuffled = merge(name, [adapters[n] for n in order], [weights[n] for n in order], density=density)
    assert_same_update(shuffled, delta(merge(name, adapters, weights, density=density)), 1e-4)


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=10)
@given(same_rank_adapters(alike=False), st.floats(0.1, 4.0))
def test_weights_scale_the_update(name: str, adapters: list[LoraAdapter], factor: float) -> None:
    weights = [1.0 + place for place in range(len(adapters))]
    once = delta(merge(name, adapters, weights))
    scaled = merge(name, adapters, [factor * weight for weight in weights])
    assert_same_update(scaled, {matrix: factor * update for matrix, update in once.items()}, 1e-4)


@settings(max_examples=25)
@given(any_adapters, st.floats(0.2, 1.0), st.data())
def test_the_cut_is_the_best_of_its_rank_and_its_loss_is_reported(
    adapters: list[LoraAdapter], density: float, data: st.DataObject
) -> None:
    whole = delta(MERGES["ties-svd"](adapters, density=density, rank=WHOLE))
    rank = data.draw(st.integers(1, 5))
    merged = MERGES["ties-svd"](adapters, density=density, rank=rank)
    assert (merged.rank, merged.alpha) == (rank, float(rank))
    tails = {name: torch.linalg.svdvals(update)[rank:].norm() for name, update in whole.items()}
    for name, update in delta(merged).items():
        assert float((update - whole[name]).norm()) == pytest.approx(float(tails[name]), abs=1e-3)
    lost = torch.stack(list(tails.values())).norm()
    total = torch.stack([update.norm() for update in whole.values()]).norm()
    assert merged.record["merge"]["relative_error"] == pytest.approx(float(lost / total), abs=1e-4)


def test_updates_keep_the_largest_rank_unless_told() -> None:
    assert MERGES["ties-svd"]([adapter(2), adapter(4)]).rank == 4


# ---------------------------------------------------------------------------- chance


@pytest.mark.parametrize("name", [name for name in ALL if "dare" in name])
def test_the_seed_is_all_the_chance_there_is(name: str) -> None:
    adapters = [adapter(seed=seed) for seed in range(3)]
    turned = [replace(one, factors=dict(reversed(one.factors.items()))) for one in adapters]
    state = torch.get_rng_state()
    first = delta(merge(name, adapters, seed=7))
    assert torch.equal(torch.get_rng_state(), state)  # the global one is left alone
    assert_same_update(merge(name, turned, seed=7), {matrix: first[matrix] for matrix in NAMES}, 0.0)
    assert not torch.allclose(first[NAMES[0]], delta(merge(name, adapters, seed=8))[NAMES[0]], atol=1e-2)


def test_nothing_given_is_changed() -> None:
    adapters = [adapter(seed=seed) for seed in range(2)]
    before = copy.deepcopy(adapters)
    for name in ALL:
        for a, b in merge(name, adapters, density=1.0).factors.values():
            a.zero_()
            b.zero_()
    for one, same in zip(adapters, before, strict=True):
        assert_same_update(one, delta(same), 0.0)


# ---------------------------------------------------------------------------- record and refusals


def test_the_record_says_what_was_asked() -> None:
    adapters = [adapter(seed=seed, language=code) for seed, code in enumerate(("en", "es"))]
    told = MERGES["dare-ties"](adapters, density=0.3, seed=5).record["merge"]
    assert {key: told[key] for key in ("method", "weights", "density", "seed")} == {
        "method": "dare-ties",
        "weights": [1.0, 1.0],
        "density": 0.3,
        "seed": 5,
    }
    assert "seed" not in MERGES["ties"](adapters).record["merge"]
    assert MERGES["dare-linear"](adapters).record["merge"]["weights"] == [0.25, 0.25]


@pytest.mark.parametrize("density", [0.0, -0.1, 1.01, float("nan")])
@pytest.mark.parametrize("name", ALL)
def test_a_density_that_is_no_share(name: str, density: float) -> None:
    with pytest.raises(AdapterError, match="more than 0, up to 1"):
        MERGES[name]([adapter()], density=density)


def test_ranks() -> None:
    with pytest.raises(AdapterError, match="ranks 2 and 4"):
        MERGES["ties"]([adapter(2), adapter(4)])
    with pytest.raises(AdapterError, match="merge with `ties-svd`"):
        SparseMerge("ties", Sparsify.MAGNITUDE, Elect.TOTAL)([adapter()], rank=2)
    with pytest.raises(AdapterError, match="1 or more"):
        MERGES["ties-svd"]([adapter()], rank=0)


# ---------------------------------------------------------------------------- against PEFT


def adapters_in_order() -> list[LoraAdapter]:
    """Three adapters of the matrices whose names stand in the model's own order."""
    return [
        random_adapter(tiny_llama(), alpha=alpha, seed=seed, targets=("k_proj", "v_proj"))
        for seed, alpha in enumerate((8.0, 2.0, 5.0))
    ]


@pefts_own
@pytest.mark.parametrize(("weights", "density"), [([0.7, 0.1, 0.2], 0.4), ([1.0, -0.5, 0.25], 0.85)])
@pytest.mark.parametrize("name", ALL)
def test_each_equals_pefts(tmp_path: Path, name: str, weights: list[float], density: float) -> None:
    adapters = adapters_in_order()
    random = {"seed": 11} if "dare" in name else {}
    theirs = pefts_merge(tmp_path, adapters, weights, name.replace("-", "_"), density=density, **random)
    ours = MERGES[name](adapters, weights, density=density, **random)
    assert_same_update(ours, theirs, 1e-5)


@pefts_own
@pytest.mark.parametrize("space", ["ties", "ties-svd"])
def test_the_sign_of_the_greater_number_equals_pefts(tmp_path: Path, space: str) -> None:
    adapters = adapters_in_order()
    theirs = pefts_merge(
        tmp_path,
        adapters,
        [1.0, 2.0, 0.5],
        space.replace("-", "_"),
        density=0.5,
        majority_sign_method="frequency",
    )
    known = MERGES[space].function
    assert isinstance(known, SparseMerge)
    ours = replace(known, elect=Elect.FREQUENCY)(adapters, [1.0, 2.0, 0.5], density=0.5)
    assert_same_update(ours, theirs, 1e-5)
