"""`HubBackbone`: any decoder of `transformers`, through its own code. Knows nothing of gates or prompts."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

from polycypher.fusion.keyvalues import KeyValues


class HubBackbone:
    """Any causal language model of `transformers` with a `model` and an `lm_head`."""

    concurrent = False

    def __init__(self, model: Any, passes: int = 1) -> None:
        """`passes`: how often the model runs over every token, each time with keys and values of its own;
        `forward` is the last of them, `run` any."""
        self.model = model
        self.passes = passes

    def room(self, rows: int, capacity: int) -> KeyValues:
        """See `Backbone`."""
        config = self.model.config
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        like = next(self.model.parameters())
        return KeyValues(
            self.passes * config.num_hidden_layers,
            heads,
            size,
            rows,
            capacity,
            dtype=self.model.dtype,
            device=like.device,
        )

    def forward(self, ids: Tensor, places: Tensor, kept: KeyValues, mask: Tensor | None) -> Tensor:
        """See `Backbone`."""
        states = self.run(ids, places, kept, mask, self.passes - 1)
        kept.advance(ids.shape[1])
        return states

    def run(
        self, ids: Tensor, places: Tensor, kept: KeyValues, mask: Tensor | None, number: int = 0
    ) -> Tensor:
        """`forward`'s pass `number`, which leaves the count of tokens in `kept` as it was."""
        kept.reserve(kept.length + ids.shape[1])
        count = self.model.config.num_hidden_layers
        layers = [_Layer(kept, layer) for layer in range(number * count, (number + 1) * count)]
        output = self.model.model(
            input_ids=ids,
            position_ids=places,
            attention_mask=mask,
            past_key_values=Cache(layers=layers),
            use_cache=True,
        )
        states: Tensor = output.last_hidden_state
        return states


class _Layer(CacheLayerMixin):  # type: ignore[misc]  # untyped in transformers
    """One layer of `KeyValues` in the form that `transformers` asks for."""

    is_sliding = False

    def __init__(self, kept: KeyValues, number: int) -> None:
        super().__init__()
        self._kept, self._number = kept, number
        self.is_initialized = True

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Nothing is left to do."""

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Append, and return everything so far."""
        return self._kept.append(self._number, key_states, value_states)

    def get_seq_length(self) -> int:
        """Tokens before the new ones."""
        return self._kept.length

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """(how far a mask reaches, where it begins)."""
        return self._kept.length + query_length, 0

    def get_max_length(self) -> int:
        """No limit."""
        return -1
