"""`Backbone`: a base model and its stacked adapters as one function from tokens to last hidden states.

`LeanLlama` (in `lean`) runs Llama's layers with few operations a token; `HubBackbone` (in `hub`) runs any
decoder of `transformers` through its own code. Both write keys and values into `KeyValues`, so all that is
built on them is the same for every model. Knows nothing of gates, prompts or languages.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from polycypher.fusion.keyvalues import KeyValues
from polycypher.fusion.stacked import StackedAdapter


class Backbone(Protocol):
    """What runs tokens; `concurrent` says whether two threads may at once."""

    concurrent: bool

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

    if LeanLlama.fits(model):
        return LeanLlama(model, stacked)
    from polycypher.fusion.hub import HubBackbone  # importing `transformers` takes seconds

    return HubBackbone(model)


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
