"""`Rows`: sequences on their way through a decoder, with their keys and values, padded on the left.

The decoder's own code runs (`fusion.hub`), so that hooks see every layer's input. Knows nothing of adapters
or sources: who calls `extend` sets what the layers do meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from polycypher.fusion.backbone import causal
from polycypher.fusion.hub import HubBackbone
from polycypher.fusion.runner import ROOM


def run_first(backbone: HubBackbone, ids: Sequence[int]) -> Tensor:
    """Run tokens that several sequences begin with: keys and values [layers, 2, heads, tokens, size]."""
    kept = backbone.room(1, len(ids))
    if ids:
        device = next(backbone.model.parameters()).device
        places = torch.arange(len(ids), device=device)[None]
        backbone.forward(torch.tensor([list(ids)], device=device), places, kept, None)
    return kept.row(0, len(ids))


class Rows:
    """Rows that go on, each from its own beginning."""

    def __init__(self, backbone: HubBackbone, firsts: Sequence[Tensor], room: int) -> None:
        """`firsts` are what `run_first` gave, one a row; memory for `room` more tokens is set aside."""
        self._backbone = backbone
        self._device = next(backbone.model.parameters()).device
        lengths = [first.shape[3] for first in firsts]
        before = max(lengths)
        self._kept = backbone.room(len(firsts), before + room + ROOM)
        for row, first in enumerate(firsts):
            self._kept.fill(row, first)
            self._kept.blank(row, lengths[row], before)
        self._kept.advance(before)
        own = torch.tensor(lengths, device=self._device)
        self._seen = torch.arange(before, device=self._device) < own[:, None]
        self._next = own

    def __len__(self) -> int:
        return len(self._next)

    def extend(self, parts: Sequence[Sequence[int]]) -> Tensor:
        """Run a row's next tokens, at least one each: last hidden states [rows, longest, hidden], padded on
        the left."""
        longest = max(len(part) for part in parts)
        lengths = torch.tensor([len(part) for part in parts], device=self._device)
        ids = torch.tensor([[*[0] * (longest - len(part)), *part] for part in parts], device=self._device)
        number = torch.arange(longest, device=self._device) - (longest - lengths)[:, None]
        places = (self._next[:, None] + number).clamp_min(0)
        before = self._seen.shape[1]
        self._seen = torch.cat([self._seen, number >= 0], 1)
        known = None if bool(self._seen.all()) else self._seen
        hidden = self._backbone.forward(ids, places, self._kept, causal(known, before, longest, self._device))
        self._next = self._next + lengths
        return hidden

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in rising order."""
        chosen = torch.tensor(list(rows), device=self._device)
        self._kept.select(rows)
        self._seen, self._next = self._seen[chosen], self._next[chosen]
