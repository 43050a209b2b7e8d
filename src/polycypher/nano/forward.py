"""The training pass of a small Llama where one schema serves many questions.

Many questions about one schema stand in one pass: the schema's tokens are run once, every question
attends to them and to itself and to no other question, and each question's positions go on from the
schema's. The result per question is exactly that of a sequence of its own (tested), at a fraction of
the cost. Works on the plain weights of a `LlamaForCausalLM`, so that weights can be bfloat16 views,
or sums of a frozen matrix and a LoRA product. Knows nothing of data, optimisers or languages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a Llama that the pass needs."""

    layers: int
    heads: int
    theta: float
    epsilon: float

    @classmethod
    def of(cls, config: Any) -> Shape:
        """Read the sizes from a `LlamaConfig` (with as many key-value heads as heads)."""
        theta = getattr(config, "rope_theta", None) or config.rope_parameters["rope_theta"]
        return cls(config.num_hidden_layers, config.num_attention_heads, float(theta), config.rms_norm_eps)


@dataclass(frozen=True, slots=True)
class Batch:
    """One schema and R questions with their answers, each padded on the right.

    `prefix` [S] and `rows` [R, L] are token ids; `prefix_bias` [S] is 0 for a token and a large
    negative number for padding; `start` [] is the number of real schema tokens; `select` [N] are flat
    places in rows (r * L + l), `labels` [N] the tokens to predict there and `weights` [N] their share
    of the loss.
    """

    prefix: Tensor
    prefix_bias: Tensor
    start: Tensor
    rows: Tensor
    select: Tensor
    labels: Tensor
    weights: Tensor


def hidden_states(weights: Weights, shape: Shape, batch: Batch) -> Tensor:
    """Last hidden states of the questions' tokens, normalised: [R, L, hidden]."""
    rows, length = batch.rows.shape
    size = batch.prefix.shape[0]
    x = weights["model.embed_tokens.weight"][torch.cat([batch.prefix, batch.rows.reshape(-1)])]
    width = x.shape[-1]
    head = width // shape.heads
    cos, sin = _rotation(shape, batch, head, x.dtype)
    causal = _causal(size, x.dtype), _causal(length, x.dtype)
    for layer in range(shape.layers):
        name = f"model.layers.{layer}."
        y = _norm(x, weights[name + "input_layernorm.weight"], shape.epsilon)
        q, k, v = (
            F.linear(y, weights[f"{name}self_attn.{part}_proj.weight"]).view(-1, shape.heads, head)
            for part in ("q", "k", "v")
        )
        mixed = _attention(_rotate(q, cos, sin) * head**-0.5, _rotate(k, cos, sin), v, batch, causal)
        x = x + F.linear(mixed.reshape(-1, width), weights[name + "self_attn.o_proj.weight"])
        y = _norm(x, weights[name + "post_attention_layernorm.weight"], shape.epsilon)
        gate = F.silu(F.linear(y, weights[name + "mlp.gate_proj.weight"]))
        up = F.linear(y, weights[name + "mlp.up_proj.weight"])
        x = x + F.linear(gate * up, weights[name + "mlp.down_proj.weight"])
    return _norm(x[size:], weights["model.norm.weight"], shape.epsilon).view(rows, length, width)


def loss(weights: Weights, shape: Shape, batch: Batch) -> Tensor:
    """Weighted mean cross-entropy of the selected next tokens (tied output embedding)."""
    hidden = hidden_states(weights, shape, batch)
    picked = hidden.reshape(-1, hidden.shape[-1])[batch.select]
    logits = F.linear(picked, weights["model.embed_tokens.weight"]).float()
    each = F.cross_entropy(logits, batch.labels, reduction="none")
    return (each * batch.weights).sum() / batch.weights.sum()


def _attention(q: Tensor, k: Tensor, v: Tensor, batch: Batch, causal: tuple[Tensor, Tensor]) -> Tensor:
    """Attention within the schema, and of each question over schema and itself: [S + R*L, heads, head].

    Eager products instead of the fused kernel: on a CPU in bfloat16 they are 2.5 times as fast there.
    """
    size, (rows, length) = batch.prefix.shape[0], batch.rows.shape
    heads, head = q.shape[1], q.shape[2]
    q0, k0, v0 = (part[:size].transpose(0, 1) for part in (q, k, v))
    own = torch.softmax(torch.matmul(q0, k0.transpose(1, 2)) + causal[0], -1)
    first = torch.matmul(own, v0).transpose(0, 1)
    q1, k1, v1 = (part[size:].view(rows, length, heads, head).transpose(1, 2) for part in (q, k, v))
    flat = q[size:].transpose(0, 1)
    to_prefix = torch.matmul(flat, k0.transpose(1, 2)) + batch.prefix_bias.to(q.dtype)
    to_prefix = to_prefix.view(heads, rows, length, size).transpose(0, 1)
    to_self = torch.matmul(q1, k1.transpose(2, 3)) + causal[1]
    share = torch.softmax(torch.cat([to_prefix, to_self], -1), -1)
    over_prefix = share[..., :size].transpose(0, 1).reshape(heads, rows * length, size)
    mixed = torch.matmul(over_prefix, v0).view(heads, rows, length, head).transpose(0, 1)
    mixed = mixed + torch.matmul(share[..., size:], v1)
    return torch.cat([first, mixed.transpose(1, 2).reshape(rows * length, heads, head)])


def _rotation(shape: Shape, batch: Batch, head: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    rows, length = batch.rows.shape
    size = batch.prefix.shape[0]
    places = torch.cat([torch.arange(size), (batch.start + torch.arange(length)).repeat(rows)]).float()
    angles = torch.outer(places, shape.theta ** (-torch.arange(0, head, 2).float() / head))
    angles = torch.cat([angles, angles], -1)[:, None]
    return angles.cos().to(dtype), angles.sin().to(dtype)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    low, high = x.chunk(2, -1)
    return x * cos + torch.cat([-high, low], -1) * sin


def _norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    wide = x.float()
    return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + epsilon)).to(x.dtype) * weight


def _causal(length: int, dtype: torch.dtype) -> Tensor:
    return torch.full((length, length), -1e9, dtype=dtype).triu(1)
