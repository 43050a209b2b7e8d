"""φ equals its formula, and where there is no source it is T."""

from __future__ import annotations

import math

import pytest
import torch
from flare_helpers import NAMES
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from polycypher.errors import UsageError
from polycypher.flare.alignment import Alignment
from polycypher.flare.fusions import CrossAttention, fusion_named

R = 4


def draw(*size: int, seed: int = 0) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


def side_by_side(tokens: int) -> Alignment:
    """Position by position, in one row."""
    places = torch.arange(tokens)[None]
    return Alignment(places, torch.ones(tokens, tokens).tril().bool()[None])


@given(st.integers(1, 6), st.integers(0, 99))
def test_elementwise_formulas(tokens: int, seed: int) -> None:
    s, t = draw(1, tokens, R, seed=seed), draw(1, tokens, R, seed=seed + 100)
    at = side_by_side(tokens)
    assert torch.equal(fusion_named("add", R)(s, t, at), s + t)
    assert torch.equal(fusion_named("mul", R)(s, t, at), s * t)
    assert torch.equal(fusion_named("add-relu", R)(s, t, at), s.clamp_min(0) + t.clamp_min(0))


def test_cross_attention_is_a_masked_softmax() -> None:
    torch.manual_seed(0)
    fusion = CrossAttention(R)
    s, t = draw(1, 3, R), draw(1, 3, R, seed=1)
    found = fusion(s, t, side_by_side(3))
    for at in range(3):
        query = fusion.query.weight @ t[0, at]
        scores = torch.stack([fusion.key.weight @ s[0, k] @ query for k in range(at + 1)]) / math.sqrt(R)
        weights = scores.exp() / scores.exp().sum()
        wanted = sum(weights[k] * (fusion.value.weight @ s[0, k]) for k in range(at + 1))
        assert torch.allclose(found[0, at], wanted, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_without_a_source_token_it_is_the_target(name: str) -> None:
    torch.manual_seed(0)
    s, t = draw(2, 3, R), draw(2, 2, R, seed=1)
    seen = torch.zeros(2, 2, 3, dtype=torch.bool)
    seen[1, 1, :2] = True
    found = fusion_named(name, R)(s, t, Alignment(torch.tensor([[-1, -1], [-1, 1]]), seen))
    assert torch.equal(found[0], t[0])
    assert torch.equal(found[1, 0], t[1, 0])
    assert not torch.equal(found[1, 1], t[1, 1])
    assert torch.isfinite(found).all()
    nothing = Alignment(torch.full((2, 2), -1), torch.zeros(2, 2, 0, dtype=torch.bool))
    assert torch.equal(fusion_named(name, R)(s[:, :0], t, nothing), t)


@pytest.mark.parametrize("name", NAMES)
def test_what_may_not_be_seen_changes_nothing(name: str) -> None:
    torch.manual_seed(0)
    fusion = fusion_named(name, R)
    s, t = draw(1, 4, R), draw(1, 3, R, seed=1)
    at = Alignment(torch.arange(3)[None], (torch.arange(4) <= torch.arange(3)[:, None])[None])
    before = fusion(s, t, at)
    later = s.clone()
    later[0, 2:] += 100.0  # the third place's own token, and one that stands beside none
    after = fusion(later, t, at)
    assert torch.equal(after[0, :2], before[0, :2])
    assert not torch.allclose(after[0, 2], before[0, 2])


def test_an_unknown_fusion_is_refused() -> None:
    with pytest.raises(UsageError, match="named 'matmul'; there are add, mul"):
        fusion_named("matmul", R)
