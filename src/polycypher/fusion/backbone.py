"""`Backbone`: a base model and its stacked adapters as one function from tokens to last hidden states.

`LeanLlama` (in `lean`) runs Llama's layers with few operations a token; `HubBackbone` runs any decoder of
`transformers` through its own code. Both write keys and values into `KeyValues`, so all that is built on
them is the same for every model. Knows nothing of gates, prompts or languages.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

from polycypher.fusion.keyvalues import KeyValues
from polycypher.fusion.stacked import StackedAdapter


class Backbone(Protocol):
    """What runs tokens."""

    def room(self, rows: int, capacity: int) -> KeyValues:
        """Empty keys and values that fit the model."""
        ...

    def forward(self, ids: Tensor, places: Tensor, kept: KeyValues, mask: Tensor | None) -> Tensor:
        """Append tokens to every row.

        Args:
            ids: token ids [rows, new].
            places: their positions in the text [rows, new].
            kept: what came before; the tokens are added to it.
            mask: [rows or 1, 1, new, all], True where a token may look; None where every token may look at
                itself and all before it, and either it is alone or nothing came before.

        Returns:
            Last hidden states after the final norm, [rows, new, hidden].
        """
        ...


def backbone_of(model: Any, stacked: StackedAdapter) -> Backbone:
    """The quickest backbone for a model in which `stacked` is installed."""
    from polycypher.fusion.lean import LeanLlama

    return LeanLlama(model, stacked) if LeanLlama.fits(model) else HubBackbone(model)


class HubBackbone:
    """Any causal language model of `transformers` with a `model` and an `lm_head`."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def room(self, rows: int, capacity: int) -> KeyValues:
        """See `Backbone`."""
        config = self.model.config
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        like = next(self.model.parameters())
        return KeyValues(
            config.num_hidden_layers, heads, size, rows, capacity, dtype=self.model.dtype, device=like.device
        )

    def forward(self, ids: Tensor, places: Tensor, kept: KeyValues, mask: Tensor | None) -> Tensor:
        """See `Backbone`."""
        new = ids.shape[1]
        kept.reserve(kept.length + new)
        layers = [_Layer(kept, number) for number in range(self.model.config.num_hidden_layers)]
        output = self.model.model(
            input_ids=ids,
            position_ids=places,
            attention_mask=mask,
            past_key_values=Cache(layers=layers),
            use_cache=True,
        )
        kept.advance(new)
        states: Tensor = output.last_hidden_state
        return states


class _Layer(CacheLayerMixin):  # type: ignore[misc]
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


def causal(rows_seen: Tensor | None, before: int, new: int, device: torch.device) -> Tensor | None:
    """The mask of `new` tokens after `before`: a token looks at itself and at what came before it.

    Args:
        rows_seen: [rows, before + new], False where a row holds padding; None where no row does.
        before, new: tokens.
        device: of the result.

    Returns:
        [rows or 1, 1, new, before + new], or None where `Backbone.forward` needs none. A padding token looks
        at itself, so that its states are numbers.
    """
    if rows_seen is None and (new == 1 or before == 0):
        return None
    own = torch.arange(before, before + new, device=device)[:, None]
    every = torch.arange(before + new, device=device)[None]
    mask = every <= own
    if rows_seen is None:
        return mask[None, None]
    return ((mask & rows_seen[:, None]) | (every == own))[:, None]
