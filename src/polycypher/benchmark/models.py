"""The model under the bench: a bundle's base and adapters, or random weights of a large model's sizes.

More adapters than a bundle has are random ones of the same rank: what they compute costs the same. Knows
nothing of clocks.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from polycypher.adapters.lora import LoraAdapter
from polycypher.errors import UsageError
from polycypher.fusion.fused import FusedDecoder
from polycypher.fusion.gate import Gate, GateConfig, GateKind
from polycypher.fusion.previews import size_of
from polycypher.fusion.stacked import StackedAdapter
from polycypher.translator.bundle import Manifest, find_bundle
from polycypher.translator.loading import load_base

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj")
NEVER = -1
"""An end token that never comes, so that every answer has the length that was asked for."""

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama-3.1-8b": {
        "vocab_size": 128256,
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "intermediate_size": 14336,
        "max_position_embeddings": 131072,
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": 500000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
    },
    "llama-tiny": {
        "vocab_size": 512,
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 128,
    },
}
"""Sizes for `--random-weights`: a model that is not here costs what its sizes cost."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A base and K adapters; `name` for the report."""

    name: str
    base: Any
    adapters: list[LoraAdapter]
    device: str

    @property
    def weight_bytes(self) -> int:
        """Bytes that a token's pass reads: all weights but the table of embeddings, of which it reads a row.
        Where the output layer shares that table, it counts."""
        embedding = self.base.get_input_embeddings().weight
        tied = self.base.lm_head.weight is embedding
        total: int = sum(weight.numel() * weight.element_size() for weight in self.base.parameters())
        table: int = embedding.numel() * embedding.element_size()
        return total if tied else total - table


def bundle_parts(model: str, count: int, *, device: str = "cpu", dtype: str | None = None) -> Parts:
    """The base of a bundle and `count` adapters, the bundle's own first.

    Raises:
        BundleError, ModelError, AdapterError: it cannot be read.
    """
    folder = find_bundle(model)
    manifest = Manifest.load(folder)
    base, _ = load_base(folder / manifest.base, device=device, dtype=dtype)
    own = [LoraAdapter.load(folder / place) for place in manifest.languages.values()]
    return Parts(manifest.name, base, _filled(base, own[:count], count), device)


def random_parts(architecture: str, count: int, *, device: str, dtype: str | None = None) -> Parts:
    """Random weights of an architecture, and `count` random adapters.

    Raises:
        UsageError: the architecture is not known.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    if architecture not in ARCHITECTURES:
        raise UsageError(f"no sizes are named '{architecture}'; there are {', '.join(ARCHITECTURES)}")
    kind = getattr(torch, dtype or ("float32" if device == "cpu" else "bfloat16"))
    torch.manual_seed(0)
    with torch.device(device):
        before = torch.get_default_dtype()
        torch.set_default_dtype(kind)
        try:
            base = LlamaForCausalLM(LlamaConfig(**ARCHITECTURES[architecture], pad_token_id=0))
        finally:
            torch.set_default_dtype(before)
    base.requires_grad_(False).eval()
    return Parts(f"{architecture} (random weights)", base, _filled(base, [], count), device)


def decoder_of(parts: Parts) -> FusedDecoder:
    """A decoder over a copy of the base, with a gate that prefers the first adapter as a trained one prefers
    its language's: the bench is about time, and a gate's time does not depend on what it has learnt.

    The answers never end by themselves.
    """
    model = copy.deepcopy(parts.base)
    count, config = len(parts.adapters), parts.base.config
    gates = []
    for kind in (GateKind.MLP, GateKind.EARLY):
        preview = size_of(GateConfig().reduction, config.vocab_size, config.hidden_size)
        gate = Gate(
            GateConfig(
                kind,
                adapters=count,
                preview=preview if kind is GateKind.MLP else 0,
                embedding_size=config.hidden_size,
            )
        )
        last: Any = gate.network[2]
        with torch.no_grad():
            last.bias.copy_(10.0 * (torch.arange(count) == 0))
        gates.append(gate.requires_grad_(False).eval().to(parts.device))
    stacked = StackedAdapter(model, parts.adapters)
    return FusedDecoder(model, stacked, gates[0], end=NEVER, early=gates[1])


def save_adapters(parts: Parts, folder: Path) -> list[Path]:
    """The adapters as PEFT folders, for the contenders that PEFT runs."""
    folders = [folder / str(number) for number in range(len(parts.adapters))]
    for adapter, place in zip(parts.adapters, folders, strict=True):
        adapter.save(place)
    return folders


def _filled(base: Any, own: list[LoraAdapter], count: int) -> list[LoraAdapter]:
    """`own` and random adapters of their rank, `count` in all."""
    rank, alpha = (own[0].rank, own[0].alpha) if own else (8, 16.0)
    made = list(own)
    draw = torch.Generator().manual_seed(1)
    while len(made) < count:
        factors = {
            name: (
                0.02 * torch.randn(rank, module.in_features, generator=draw),
                0.02 * torch.randn(module.out_features, rank, generator=draw),
            )
            for name, module in base.named_modules()
            if name.rsplit(".", 1)[-1] in TARGETS
        }
        made.append(LoraAdapter(factors, rank, alpha, language=f"x{len(made)}"))
    return made
