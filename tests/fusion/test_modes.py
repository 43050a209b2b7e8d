"""Which rows a mode runs, and how far pruning may move the fused distribution."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from polycypher.fusion.modes import THRESHOLD, Mode, rows_of

WEIGHTS = torch.tensor([0.7, 0.04, 0.26])


@st.composite
def simplex(draw: st.DrawFn) -> Tensor:
    """Weights of one to sixteen adapters that sum to one."""
    parts = draw(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=16))
    weights = torch.tensor(parts, dtype=torch.float64)
    return weights / weights.sum()


def fused(rows: Tensor, mixes: Tensor, logits: Tensor) -> Tensor:
    """Σ_r m_r (rows_r · L) for one-hot rows: [V]."""
    return mixes @ (rows @ logits)


def test_logits_runs_every_adapter_with_its_weight() -> None:
    rows, mixes = rows_of(WEIGHTS, Mode.LOGITS)
    assert torch.equal(rows, torch.eye(3))
    assert torch.equal(mixes, WEIGHTS)


def test_an_adapter_without_weight_is_not_run() -> None:
    rows, mixes = rows_of(torch.tensor([0.0, 0.4, 0.6]), Mode.LOGITS)
    assert torch.equal(rows, torch.eye(3)[1:])
    assert mixes.tolist() == pytest.approx([0.4, 0.6])


@pytest.mark.parametrize("mode", [Mode.PRUNED, Mode.EARLY])
def test_pruned_drops_small_weights_and_renormalises(mode: Mode) -> None:
    rows, mixes = rows_of(WEIGHTS, mode)
    assert torch.equal(rows, torch.eye(3)[[0, 2]])
    assert mixes.tolist() == pytest.approx([0.7 / 0.96, 0.26 / 0.96])


def test_a_sharp_gate_leaves_one_row() -> None:
    rows, mixes = rows_of(torch.tensor([0.01, 0.98, 0.01]), Mode.PRUNED)
    assert torch.equal(rows, torch.eye(3)[1:2])
    assert mixes.tolist() == [1.0]


def test_the_largest_weight_stays_below_any_threshold() -> None:
    rows, mixes = rows_of(torch.full((40,), 1 / 40), Mode.PRUNED)
    assert rows.shape == (1, 40)
    assert mixes.tolist() == [1.0]


def test_merged_is_one_row_of_the_weights() -> None:
    rows, mixes = rows_of(WEIGHTS, Mode.MERGED)
    assert torch.equal(rows, WEIGHTS[None])
    assert mixes.tolist() == [1.0]


def test_top1_is_the_best_adapter_alone() -> None:
    rows, mixes = rows_of(WEIGHTS, Mode.TOP1)
    assert torch.equal(rows, torch.eye(3)[:1])
    assert mixes.tolist() == [1.0]


@given(simplex(), st.sampled_from([Mode.LOGITS, Mode.PRUNED, Mode.EARLY, Mode.TOP1, Mode.MERGED]))
def test_rows_count_one_in_all(weights: Tensor, mode: Mode) -> None:
    rows, mixes = rows_of(weights, mode)
    assert rows.shape == (len(mixes), len(weights))
    assert float(mixes.sum()) == pytest.approx(1.0)
    assert torch.allclose(rows.sum(1), torch.ones(len(rows), dtype=rows.dtype))


@given(simplex(), st.integers(0, 10_000), st.floats(0.0, 0.5))
def test_the_bound_of_pruned(weights: Tensor, seed: int, threshold: float) -> None:
    logits = torch.randn(len(weights), 12, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    exact = fused(*rows_of(weights, Mode.LOGITS), logits)
    rows, mixes = rows_of(weights, Mode.PRUNED, threshold)
    dropped = float(weights[~rows.bool().any(0)].sum())
    widest = float((logits[:, None] - logits[None]).abs().max())
    assert dropped <= (len(weights) - 1) * threshold + 1e-12
    found = fused(rows, mixes, logits)
    assert float((found - exact).abs().max()) <= dropped * widest + 1e-9
    change = (found.log_softmax(0) - exact.log_softmax(0)).abs().max()
    assert float(change) <= 2 * dropped * widest + 1e-9


def test_the_default_threshold() -> None:
    assert THRESHOLD == 0.05
