"""nano's first weights: two layers wired as induction heads, the rest small.

A plainly initialised model of this size does not find copying in any affordable time. So layer 0 starts
as previous-token heads (a constant dimension of the residual stream gives queries and keys that, turned
by RoPE, peak one position back) and layer 1 as induction heads (match the current token with the
previous token of every position, on the dimensions RoPE hardly turns, and write what stood there). The
result is a plain `LlamaForCausalLM`. Knows nothing of data.

The circuit: Olsson et al., "In-context learning and induction heads", 2022.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CONSTANT = 0
"""The residual dimension that holds the same value for every token."""


def make_model(
    *,
    vocabulary: int,
    hidden: int = 256,
    layers: int = 5,
    heads: int = 8,
    intermediate: int = 704,
    theta: float = 5e5,
    end: int = 1,
    pad: int = 0,
    seed: int = 0,
) -> Any:
    """A `LlamaForCausalLM` in float32 with tied embeddings and the first two layers wired.

    `hidden` is the width of the residual stream, `theta` the base of RoPE, `end` and `pad` token ids.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        intermediate_size=intermediate,
        max_position_embeddings=2048,
        rope_parameters={"rope_type": "default", "rope_theta": theta},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=pad,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        _small(model)
        _wire(model, heads, theta)
    return model


def _small(model: Any) -> None:
    for name, weight in model.named_parameters():
        if weight.ndim == 2:
            weight.normal_(0.0, weight.shape[1] ** -0.5)
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                weight.mul_(0.1)


def _wire(model: Any, heads: int, theta: float) -> None:
    hidden = model.config.hidden_size
    head = hidden // heads
    half = head // 2
    basis = torch.linalg.qr(torch.randn(hidden, hidden))[0]
    basis[CONSTANT] = 0.0
    wired = heads // 2
    _embed(model.model.embed_tokens.weight, basis[:, : wired * head])
    root = hidden**0.5
    first, second = model.model.layers[0].self_attn, model.model.layers[1].self_attn
    for weight in (first.q_proj, first.k_proj, first.v_proj, first.o_proj):
        weight.weight.mul_(0.05)
    for weight in (second.q_proj, second.k_proj, second.v_proj, second.o_proj):
        weight.weight.mul_(0.05)
    for index in range(wired):
        rows = slice(index * head, (index + 1) * head)
        directions = basis[:, rows]
        # After RMSNorm the constant stands near 0.4 / (1/√hidden); tens of nats sharpen the peak.
        strength = (40.0 * head**0.5 / half) ** 0.5 / (0.4 * root)
        one_back = _turn(half, theta, -1.0)
        first.q_proj.weight[rows, CONSTANT] += strength * one_back
        first.k_proj.weight[rows, CONSTANT] += strength * torch.cat([torch.ones(half), torch.zeros(half)])
        first.v_proj.weight[rows] += directions.T / root * head**0.5 / 4
        place = basis[:, (wired + index) * head : (wired + index + 1) * head]
        first.o_proj.weight[:, rows] += place / head**0.5 * 4
        still = torch.cat([torch.arange(half // 2, half), torch.arange(half + half // 2, head)])
        # Queries read the token itself, keys the previous token as layer 0 wrote it.
        query, key = second.q_proj.weight[rows], second.k_proj.weight[rows]
        query[still] += 3.6 * directions[:, still].T
        key[still] += 3.6 * place[:, still].T
        second.v_proj.weight[rows] += directions.T / root * 4
        second.o_proj.weight[:, rows] += directions


def _embed(table: Tensor, span: Tensor) -> None:
    """Unit vectors within `span` [hidden, n]: what lies outside is free for the previous token's copy."""
    inside = torch.randn(table.shape[0], span.shape[1]) @ span.T
    table.copy_(inside / inside.norm(dim=1, keepdim=True) + 0.01 * torch.randn_like(table))
    table[:, CONSTANT] = 0.4


def _turn(half: int, theta: float, steps: float) -> Tensor:
    """A vector with ones in the cosine half, turned by `steps` positions: [2 * half]."""
    angles = steps * theta ** (-torch.arange(half).float() / half)
    return torch.cat([angles.cos(), angles.sin()])
