"""Small adapters with random factors, their updates, and PEFT's own merge of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor

from polycypher.adapters.lora import LoraAdapter
from tiny_models import peft_model, tiny_llama

NAMES = ("model.layers.0.self_attn.q_proj", "model.layers.1.mlp.up_proj")
SIZES = {NAMES[0]: (7, 5), NAMES[1]: (4, 9)}  # out, in


def adapter(rank: int = 3, alpha: float = 6.0, seed: int = 0, **fields: Any) -> LoraAdapter:
    draw = torch.Generator().manual_seed(seed)
    factors = {
        name: (torch.randn(rank, size_in, generator=draw), torch.randn(size_out, rank, generator=draw))
        for name, (size_out, size_in) in SIZES.items()
    }
    return LoraAdapter(factors, rank, alpha, **fields)


def delta(one: LoraAdapter) -> dict[str, Tensor]:
    """ΔW = s · B · A of every matrix, in double precision."""
    return {name: one.scale * (b.double() @ a.double()) for name, (a, b) in one.factors.items()}


def assert_same_update(one: LoraAdapter, updates: dict[str, Tensor], tolerance: float = 1e-6) -> None:
    found = delta(one)
    assert found.keys() == updates.keys()
    for name, expected in updates.items():
        scale = max(1.0, float(expected.abs().max()))
        assert float((found[name] - expected).abs().max()) <= tolerance * scale, name


def weighted_sum(adapters: Sequence[LoraAdapter], weights: Sequence[float]) -> dict[str, Tensor]:
    deltas = [delta(one) for one in adapters]
    return {name: sum(w * d[name] for w, d in zip(weights, deltas, strict=True)) for name in SIZES}  # type: ignore[misc]


alphas = st.floats(0.25, 32.0)
any_adapters = st.lists(
    st.builds(adapter, st.integers(1, 6), alphas, st.integers(0, 10**6)), min_size=1, max_size=4
)


@st.composite
def same_rank_adapters(draw: st.DrawFn, alike: bool = True) -> list[LoraAdapter]:
    """One to four adapters of one rank, of one alpha too if `alike`."""
    rank, alpha = draw(st.integers(1, 6)), draw(alphas)
    return [
        adapter(rank, alpha if alike else draw(alphas), draw(st.integers(0, 10**6)))
        for _ in range(draw(st.integers(1, 4)))
    ]


pefts_own = pytest.mark.filterwarnings("ignore:Unexpected keyword arguments:UserWarning")


def pefts_merge(
    folder: Path,
    adapters: list[LoraAdapter],
    weights: list[float],
    kind: str,
    *,
    seed: int | None = None,
    **options: Any,
) -> dict[str, Tensor]:
    """ΔW by matrix of PEFT's own `add_weighted_adapter`; with `seed`, its random masks are drawn from it."""
    model = peft_model(tiny_llama(), adapters[0], folder / "0")
    names = ["default"]
    for place, one in enumerate(adapters[1:], 1):
        one.save(folder / str(place))
        names.append(f"a{place}")
        model.load_adapter(folder / str(place), adapter_name=names[-1])
    if seed is not None:
        # PEFT draws the new adapter's first weights before the masks; the masks are what is compared.
        inject = model.base_model.inject_adapter

        def inject_then_seed(*arguments: Any, **named: Any) -> None:
            inject(*arguments, **named)
            torch.manual_seed(seed)

        model.base_model.inject_adapter = inject_then_seed
    model.add_weighted_adapter(names, weights, "merged", combination_type=kind, **options)
    prefix = "base_model.model."
    return {
        name.removeprefix(prefix): module.get_delta_weight("merged").double()
        for name, module in model.named_modules()
        if name.removeprefix(prefix) in adapters[0].factors
    }
