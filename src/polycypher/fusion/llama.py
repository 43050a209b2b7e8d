"""The weights of a plain Llama folder as modules, read without `transformers`.

Importing the modelling code of `transformers` takes longer than everything else a first question needs
(docs/performance.md). `LeanLlama` runs Llama by itself, so a folder of that kind needs its weights under
their usual names and nothing more: these modules have no forward pass. Knows nothing of adapters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

_KNOWN = {"model_type": "llama", "hidden_act": "silu", "attention_bias": False, "mlp_bias": False}
"""What a configuration must say, or leave unsaid."""
_DEFAULTS = {**_KNOWN, "head_dim": None, "tie_word_embeddings": False, "rms_norm_eps": 1e-6}


def is_plain_llama(folder: Path) -> bool:
    """Whether a folder's configuration describes a model that `LlamaWeights` holds."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        rope = config.get("rope_parameters")
        return (
            all(config.get(name, value) == value for name, value in _KNOWN.items())
            and isinstance(rope, dict)
            and set(rope) == {"rope_type", "rope_theta"}
            and rope["rope_type"] == "default"
            and "quantization_config" not in config
        )
    except (OSError, ValueError, AttributeError):
        return False


class LlamaWeights(nn.Module):
    """Modules named as in `LlamaForCausalLM`, around the weights; `config` holds the sizes.

    Raises:
        ValueError: a weight is missing, is of another size than the configuration says, or belongs nowhere.
    """

    def __init__(self, config: SimpleNamespace, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.config = config
        left = dict(weights)

        def take(name: str, *size: int) -> Tensor:
            found = left.pop(f"{name}.weight", None)
            if found is None or tuple(found.shape) != size:
                had = "missing" if found is None else f"of size {tuple(found.shape)}, not {size}"
                raise ValueError(f"the weight {name} is {had}")
            return found

        hidden, wide, size = config.hidden_size, config.intermediate_size, config.head_dim
        heads, shared = config.num_attention_heads * size, config.num_key_value_heads * size
        self.model = nn.Module()
        table = take("model.embed_tokens", config.vocab_size, hidden)
        self.model.embed_tokens = nn.Embedding.from_pretrained(table)  # type: ignore[no-untyped-call]  # untyped in torch
        layers = []
        for number in range(config.num_hidden_layers):
            layer, place = nn.Module(), f"model.layers.{number}"
            for norm in ("input_layernorm", "post_attention_layernorm"):
                setattr(layer, norm, _Scale(take(f"{place}.{norm}", hidden)))
            for part, name, before, after in (
                ("self_attn", "q_proj", hidden, heads),
                ("self_attn", "k_proj", hidden, shared),
                ("self_attn", "v_proj", hidden, shared),
                ("self_attn", "o_proj", heads, hidden),
                ("mlp", "gate_proj", hidden, wide),
                ("mlp", "up_proj", hidden, wide),
                ("mlp", "down_proj", wide, hidden),
            ):
                if not hasattr(layer, part):
                    setattr(layer, part, nn.Module())
                setattr(getattr(layer, part), name, _linear(take(f"{place}.{part}.{name}", after, before)))
            layers.append(layer)
        self.model.layers = nn.ModuleList(layers)
        self.model.norm = _Scale(take("model.norm", hidden))
        if config.tie_word_embeddings:
            left.pop("lm_head.weight", None)
            self.lm_head = _linear(table)
            self.lm_head.weight = self.get_input_embeddings().weight
        else:
            self.lm_head = _linear(take("lm_head", config.vocab_size, hidden))
        if left:
            raise ValueError(f"the weight {sorted(left)[0]} belongs to no part of the model")
        self.model.rotary_emb = _Rotary(size, float(config.rope_parameters["rope_theta"]))

    @classmethod
    def load(cls, folder: Path, *, device: str, dtype: torch.dtype) -> LlamaWeights:
        """Read a folder for which `is_plain_llama` holds.

        Raises:
            OSError, ValueError, AttributeError, SafetensorError: files that are missing or damaged, or do not
                fit each other.
        """
        config = SimpleNamespace(
            **{
                **_DEFAULTS,
                **json.loads((folder / "config.json").read_text(encoding="utf-8")),
            }
        )
        config.head_dim = config.head_dim or config.hidden_size // config.num_attention_heads
        weights: dict[str, Tensor] = {}
        for path in sorted(folder.glob("*.safetensors")):
            weights.update(load_file(path))
        made = cls(config, {name: weight.to(device, dtype) for name, weight in weights.items()})
        return made.requires_grad_(False).eval().to(device)

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return self.lm_head.weight.dtype

    def get_input_embeddings(self) -> nn.Embedding:
        """The table of embeddings, as `transformers` names it."""
        table: nn.Embedding = self.model.embed_tokens  # type: ignore[assignment]  # any module to the checker
        return table


class _Scale(nn.Module):
    """A norm's weight."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)


def _linear(weight: Tensor) -> nn.Linear:
    """A linear layer around a weight [out, in]; the class's own way would first draw random numbers, and for
    that import a compiler."""
    layer = nn.Linear.__new__(nn.Linear)
    nn.Module.__init__(layer)
    layer.out_features, layer.in_features = weight.shape
    layer.weight = nn.Parameter(weight, requires_grad=False)
    layer.register_parameter("bias", None)
    return layer


class _Rotary(nn.Module):
    """Angles of the default rotary embedding (Su et al., arXiv 2104.09864): place · θ^(−2i/size)."""

    def __init__(self, size: int, theta: float) -> None:
        super().__init__()
        self.rates = nn.Buffer(1.0 / theta ** (torch.arange(0, size, 2).float() / size), persistent=False)

    def forward(self, like: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """cos and sin for places [rows, tokens], each [rows, tokens, size], in the type of `like`."""
        angles = places[..., None].float() * self.rates.float()
        both = torch.cat([angles, angles], -1)
        return both.cos().to(like.dtype), both.sin().to(like.dtype)
