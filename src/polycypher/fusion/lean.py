"""`LeanLlama`: Llama's layers with stacked adapters, in as few operations a token as possible.

With a small model, or one token a step, the time goes into starting operations rather than into
arithmetic. So what reads the same input is one matrix product: a layer's W_q, W_k, W_v and the three A of
the stacked adapter are rows of one matrix, and the three B are blocks of another,

    z = [W_q; W_k; W_v; A_q; A_k; A_v] x        y = z_W + diag(B_q, B_k, B_v) (g ⊙ z_A)

and likewise for o, for gate and up, and for down where adapters are. The model's own weights become views
of the joined ones, so memory does not grow. The formulas are those of `transformers`' Llama (tested
against it). Knows nothing of gates or prompts.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from polycypher.fusion.keyvalues import KeyValues
from polycypher.fusion.stacked import StackedAdapter, StackedLinear

_STATIC_ROPES = ("default", "linear", "llama3")
"""Kinds of rotary embedding whose angles do not depend on how long the text is."""


class _Joined:
    """Linear layers without bias that read the same input, and their stacked adapters, as one product."""

    def __init__(self, modules: list[nn.Module]) -> None:
        stacks = [module if isinstance(module, StackedLinear) else None for module in modules]
        bases: list[Any] = [
            module.base if isinstance(module, StackedLinear) else module for module in modules
        ]
        adapters: list[Any] = [stack for stack in stacks if stack is not None]
        weights = [base.weight.data for base in bases] + [stack.a for stack in adapters]
        self.out = sum(base.weight.shape[0] for base in bases)
        self.adapters = len(adapters)
        # [in, out]: with few rows, the product reads a matrix of this layout two to three times as fast.
        self.down = torch.cat(weights).t().contiguous()
        start = 0
        for holder, name in [(base, "weight") for base in bases] + [(stack, "a") for stack in adapters]:
            size = getattr(holder, name).shape[0]
            getattr(holder, name).data = self.down.t()[start : start + size]
            start += size
        if adapters:
            rank = adapters[0].a.shape[0]
            up = self.down.new_zeros(rank * len(adapters), self.out)
            row = column = 0
            each: list[Any] = stacks
            for base, stack in zip(bases, each, strict=True):
                size = base.weight.shape[0]
                if stack is not None:
                    up[row : row + rank, column : column + size] = stack.b.t()
                    row += rank
                column += size
            self.up = up

    def __call__(self, x: Tensor, gates: dict[int, Tensor]) -> Tensor:
        """[tokens, in] to [tokens, out]; `gates` maps how many adapters there are to [tokens, ranks]."""
        z = x @ self.down
        if not self.adapters:
            return z
        if not gates:
            return z[:, : self.out]
        return torch.addmm(z[:, : self.out], z[:, self.out :] * gates[self.adapters], self.up)


class _Layer:
    """One layer's joined products and norms."""

    def __init__(self, layer: Any) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.before = layer.input_layernorm.weight.data
        self.between = layer.post_attention_layernorm.weight.data
        self.qkv = _Joined([attention.q_proj, attention.k_proj, attention.v_proj])
        self.o = _Joined([attention.o_proj])
        self.wide = _Joined([mlp.gate_proj, mlp.up_proj])
        self.narrow = _Joined([mlp.down_proj])

    @property
    def joined(self) -> tuple[_Joined, ...]:
        return self.qkv, self.o, self.wide, self.narrow


class LeanLlama:
    """A `LlamaForCausalLM` in which `stacked` is installed; see `polycypher.fusion.backbone.Backbone`."""

    concurrent = True

    def __init__(self, model: Any, stacked: StackedAdapter) -> None:
        config = model.config
        self._stacked = stacked
        self._embed = model.model.embed_tokens.weight.data
        self._layers = [_Layer(layer) for layer in model.model.layers]
        self._norm, self._epsilon = model.model.norm.weight.data, config.rms_norm_eps
        self._rotary = model.model.rotary_emb
        self._heads, self._shared = config.num_attention_heads, config.num_key_value_heads
        self._size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self._counts = {joined.adapters for layer in self._layers for joined in layer.joined} - {0}
        self._angles = self._table(512)

    @staticmethod
    def fits(model: Any) -> bool:
        """Whether a model is one that this class can run: plain Llama with plain weights."""
        if getattr(model.config, "model_type", "") != "llama" or model.config.hidden_act != "silu":
            return False
        if (model.config.rope_parameters or {}).get("rope_type", "default") not in _STATIC_ROPES:
            return False
        modules = [
            module.base if isinstance(module, StackedLinear) else module
            for layer in model.model.layers
            for name, module in (*layer.self_attn.named_children(), *layer.mlp.named_children())
            if name.endswith("_proj")
        ]
        return all(type(module) is nn.Linear and module.bias is None for module in modules)

    def room(self, rows: int, capacity: int) -> KeyValues:
        """See `Backbone`."""
        return KeyValues(
            len(self._layers),
            self._shared,
            self._size,
            rows,
            capacity,
            dtype=self._embed.dtype,
            device=self._embed.device,
        )

    @torch.inference_mode()
    def forward(self, ids: Tensor, places: Tensor, kept: KeyValues, mask: Tensor | None) -> Tensor:
        """See `Backbone`."""
        rows, new = ids.shape
        kept.reserve(kept.length + new)
        angles = self._angles  # another thread may put a table in its place
        if (needed := kept.length + new) > angles.shape[1]:
            angles = self._angles = self._table(2 * needed)
        cos, sin = angles[:, places]  # [rows, new, size] each
        cos, sin = cos.view(-1, 1, self._size), sin.view(-1, 1, self._size)
        gates = self._gates(new)
        heads, shared, size = self._heads, self._shared, self._size
        turned, grouped = (heads + shared) * size, heads != shared
        whole = mask is None and new > 1  # nothing came before
        x = self._embed[ids.flatten()]  # [rows × new, hidden], as everything but attention
        for number, layer in enumerate(self._layers):
            y = self._normed(x, layer.before)
            y = layer.qkv(y, gates)
            qk = y[:, :turned].view(-1, heads + shared, size)
            qk = torch.addcmul(qk * cos, qk.roll(size // 2, -1), sin).view(rows, new, heads + shared, size)
            v = y[:, turned:].view(rows, new, shared, size).transpose(1, 2)
            qk = qk.transpose(1, 2)
            keys, values = kept.append(number, qk[:, heads:], v)
            y = functional.scaled_dot_product_attention(
                qk[:, :heads], keys, values, attn_mask=mask, is_causal=whole, enable_gqa=grouped
            )
            x = x + layer.o(y.transpose(1, 2).reshape(rows * new, -1), gates)
            y = self._normed(x, layer.between)
            gate, up = layer.wide(y, gates).chunk(2, -1)
            x = x + layer.narrow(functional.silu(gate) * up, gates)
        kept.advance(new)
        return self._normed(x, self._norm).view(rows, new, -1)

    def _normed(self, x: Tensor, weight: Tensor) -> Tensor:
        """x / √(mean x² + ε) ⊙ weight, [tokens, hidden]; in float32, as Llama has it."""
        if x.device.type != "cpu":
            return functional.rms_norm(x, x.shape[-1:], weight, self._epsilon)
        wide = x.float()  # on a CPU the library's own takes five times as many operations
        scale = torch.linalg.vecdot(wide, wide)[:, None].mul_(1 / x.shape[-1]).add_(self._epsilon).rsqrt_()
        normed: Tensor = (wide * scale).to(x.dtype) * weight
        return normed

    def _gates(self, new: int) -> dict[int, Tensor]:
        """The gate vectors a token, side by side as often as a joined product has adapters."""
        vectors = self._stacked.vectors
        if vectors is None:
            return {}
        if new > 1:
            vectors = vectors.repeat_interleave(new, 0)
        return {count: vectors.repeat(1, count) if count > 1 else vectors for count in self._counts}

    def _table(self, length: int) -> Tensor:
        """cos and sin of every position, [2, length, size]; the first half of sin is negated, so that turning
        is x ⊙ cos + roll(x) ⊙ sin."""
        places = torch.arange(length, device=self._embed.device)[None]
        cos, sin = self._rotary(self._embed, places)
        half = self._size // 2
        return torch.cat([cos, torch.cat([-sin[..., :half], sin[..., half:]], -1)])
