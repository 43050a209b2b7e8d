"""FLoRA's stack and the truncated merge, against their formulas and PEFT."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from merge_helpers import (
    adapter,
    any_adapters,
    assert_same_update,
    delta,
    pefts_merge,
    pefts_own,
    weighted_sum,
)

from polycypher.adapters.lora import LoraAdapter
from polycypher.adapters.merge import MERGES, exact, stack, svd
from polycypher.adapters.merge.truncation import cut_matrix, cut_product
from polycypher.errors import AdapterError
from tiny_models import random_adapters, tiny_llama


@settings(max_examples=40)
@given(any_adapters, st.data())
def test_the_stack_is_the_weighted_sum_over_any_ranks(
    adapters: list[LoraAdapter], data: st.DataObject
) -> None:
    examples = data.draw(st.lists(st.integers(1, 100), min_size=len(adapters), max_size=len(adapters)))
    shares = [count / sum(examples) for count in examples]
    merged = stack(adapters, shares)
    assert merged.rank == sum(one.rank for one in adapters)
    assert_same_update(merged, weighted_sum(adapters, shares))
    assert_same_update(stack(adapters), delta(exact(adapters)))  # equal shares: the exact merge


def test_the_stack_scales_a_and_leaves_b() -> None:
    adapters = [adapter(2), adapter(3, seed=1)]
    merged = stack(adapters, [0.25, 0.75])
    for name, (_, b) in merged.factors.items():
        assert torch.equal(b, torch.cat([one.factors[name][1] for one in adapters], 1))


@settings(max_examples=40)
@given(any_adapters, st.data())
def test_the_cut_loses_the_tail_of_the_singular_values(
    adapters: list[LoraAdapter], data: st.DataObject
) -> None:
    whole = delta(exact(adapters))
    rank = data.draw(st.integers(1, sum(one.rank for one in adapters)))
    merged = svd(adapters, rank=rank)
    tails = {name: torch.linalg.svdvals(update)[rank:] for name, update in whole.items()}
    for name, update in delta(merged).items():
        scale = max(1.0, float(whole[name].norm()))
        assert float((update - whole[name]).norm()) == pytest.approx(
            float(tails[name].norm()), abs=1e-4 * scale
        )
    lost = sqrt(sum(float(tail.square().sum()) for tail in tails.values()))
    total = sqrt(sum(float(update.square().sum()) for update in whole.values()))
    assert merged.record["merge"]["relative_error"] == pytest.approx(lost / total, abs=1e-5)
    assert merged.record["merge"]["rank"] == rank


@settings(max_examples=30)
@given(any_adapters)
def test_a_cut_to_the_whole_rank_is_the_exact_merge(adapters: list[LoraAdapter]) -> None:
    merged = svd(adapters, rank=sum(one.rank for one in adapters))
    assert_same_update(merged, delta(exact(adapters)), 1e-5)
    assert merged.record["merge"]["relative_error"] < 1e-6


def test_the_largest_rank_is_kept_unless_told() -> None:
    assert svd([adapter(2), adapter(4)]).rank == 4


@pytest.mark.parametrize("rank", [0, 7])
def test_an_impossible_rank(rank: int) -> None:
    with pytest.raises(AdapterError, match="1 to 6"):
        MERGES["svd"]([adapter(2), adapter(4)], rank=rank)


@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 1000))
def test_both_ways_to_cut_agree(whole: int, rank: int, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    a, b = torch.randn(whole, 5, generator=draw), torch.randn(7, whole, generator=draw)
    product, matrix = cut_product(a, b, rank), cut_matrix((b @ a).double(), rank)
    assert torch.allclose((product.b @ product.a).double(), matrix.b @ matrix.a, atol=1e-4)
    assert product.lost == pytest.approx(matrix.lost, abs=1e-4)
    assert product.norm == pytest.approx(matrix.norm, rel=1e-5)


@pefts_own
@pytest.mark.parametrize("weights", [[1 / 3] * 3, [0.7, 0.1, 0.2], [1.0, -0.5, 0.25]])
@pytest.mark.parametrize("rank", [None, 3])
def test_svd_equals_pefts(tmp_path: Path, weights: list[float], rank: int | None) -> None:
    adapters = random_adapters(tiny_llama(), 3)  # different ranks and alphas
    assert_same_update(
        svd(adapters, weights, rank=rank),
        pefts_merge(tmp_path, adapters, weights, "svd", svd_rank=rank),
        1e-5,
    )
