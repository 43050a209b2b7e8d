"""Tiny random Llamas with adapters, and a tokenizer, made on the spot for tests."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from polycypher.adapters.lora import LoraAdapter
from polycypher.fusion.fused import FusedDecoder
from polycypher.fusion.gate import Gate, GateConfig, GateKind
from polycypher.fusion.stacked import StackedAdapter
from polycypher.nano.tokenizer import train_tokenizer

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
END = 1
"""The end token of every tiny model."""


def tiny_llama(
    *, seed: int = 0, hidden: int = 32, heads: int = 4, vocabulary: int = 96, tied: bool = False
) -> Any:
    """A random `LlamaForCausalLM` of two layers whose logits spread by about one."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        num_hidden_layers=2,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        intermediate_size=2 * hidden,
        max_position_embeddings=2048,
        rope_parameters={"rope_type": "default", "rope_theta": 5e5},
        tie_word_embeddings=tied,
        initializer_range=0.25,
        bos_token_id=None,
        eos_token_id=END,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config).eval().requires_grad_(False)


def random_adapter(
    model: Any,
    *,
    rank: int = 4,
    alpha: float = 8.0,
    seed: int = 0,
    language: str = "",
    targets: Sequence[str] = ATTENTION,
    **marks: Any,
) -> LoraAdapter:
    """An adapter with both factors random, so that it changes what the model says; `marks` are its fields."""
    draw = torch.Generator().manual_seed(1000 + seed)
    factors = {
        name: (
            0.2 * torch.randn(rank, module.in_features, generator=draw),
            0.2 * torch.randn(module.out_features, rank, generator=draw),
        )
        for name, module in model.named_modules()
        if name.rsplit(".", 1)[-1] in targets
    }
    return LoraAdapter(factors, rank, alpha, language=language, **marks)


def random_adapters(model: Any, count: int) -> list[LoraAdapter]:
    """`count` adapters of different ranks and alphas."""
    sizes = [(4, 8.0), (2, 2.0), (8, 4.0), (1, 3.0), (3, 12.0)]
    return [
        random_adapter(model, rank=rank, alpha=alpha, seed=index, language=f"l{index}")
        for index, (rank, alpha) in enumerate(sizes[:count])
    ]


def gated_decoder(count: int) -> FusedDecoder:
    """A decoder of `count` random adapters, with a random gate of each kind that decoding asks."""
    base, gates = tiny_llama(), []
    for kind, preview in ((GateKind.MLP, 256), (GateKind.EARLY, 0)):
        torch.manual_seed(7)
        gate = Gate(GateConfig(kind, adapters=count, preview=preview, embedding_size=32, width=16))
        gates.append(gate.requires_grad_(False))
    stacked = StackedAdapter(base, random_adapters(base, count))
    return FusedDecoder(base, stacked, gates[0], end=END, early=gates[1])


def peft_model(model: Any, adapter: LoraAdapter, folder: Path) -> Any:
    """A copy of `model` with `adapter` as PEFT loads it from the folder that `LoraAdapter.save` writes."""
    adapter.save(folder)
    return PeftModel.from_pretrained(copy.deepcopy(model), folder).eval()


def random_ids(*size: int, vocabulary: int = 96, seed: int = 0) -> Tensor:
    """Random token ids, neither padding nor end."""
    return torch.randint(2, vocabulary, size, generator=torch.Generator().manual_seed(seed))


TEXTS = (
    "Movie(released int,title)\nPerson(born int,name)\nACTED_IN(roles list) Person>Movie\nDIRECTED A>B",
    "Which films did Clint Eastwood direct?",
    "¿Qué películas dirigió Clint Eastwood?",
    "Clint Eastwood hangi filmleri yönetti?",
    "MATCH (p:Person)-[:DIRECTED]->(m:Movie) WHERE p.name = 'Clint Eastwood' RETURN m.title",
    "MATCH (p:Person)-[:ACTED_IN]->(m:Movie) RETURN p.name, count(m) ORDER BY count(m) DESC LIMIT 3",
)


@cache
def tiny_tokenizer() -> Any:
    """nano's tokenizer, trained on a few lines."""
    return train_tokenizer(TEXTS * 3, vocabulary=360)
