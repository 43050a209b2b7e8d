"""`KeyValues`: the keys and values of a batch, in memory that is set aside once.

Appending a token writes into its place instead of copying everything that was there, and dropping rows
moves those that stay. Layout of the one tensor: [layers, 2, rows, heads, capacity, size]. Knows nothing
of models beyond these sizes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class KeyValues:
    """Room for `rows` rows of `capacity` tokens; `length` tokens are there in each.

    Args:
        layers, heads, size: of the model (`heads`: those of keys and values).
        rows: of the batch.
        capacity: tokens a row; grows where it does not suffice.
        dtype, device: of the model.
    """

    def __init__(
        self,
        layers: int,
        heads: int,
        size: int,
        rows: int,
        capacity: int,
        *,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.length = 0
        self._all = torch.empty(layers, 2, rows, heads, max(1, capacity), size, dtype=dtype, device=device)
        self._take(rows)

    @property
    def rows(self) -> int:
        """Rows in the batch."""
        return self._store.shape[2]

    @property
    def bytes(self) -> int:
        """Memory that is set aside."""
        return self._all.numel() * self._all.element_size()

    def reserve(self, tokens: int, rows: int = 0) -> None:
        """Make room for so many tokens in all, and for so many rows."""
        shape, count = list(self._all.shape), self.rows
        if tokens <= shape[4] and rows <= shape[2]:
            return
        for place, wanted in ((2, rows), (4, tokens)):
            if wanted > shape[place]:
                shape[place] = max(wanted, shape[place] + shape[place] // 2)
        old, self._all = self._store, self._all.new_empty(shape)
        self._all[:, :, :count, :, : self.length] = old[..., : self.length, :]
        self._take(count)

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write a layer's states of new tokens [rows, heads, new, size] behind `length`, for which there must
        be room; returns all of them up to the new ones. `advance` moves `length` once all layers have
        written."""
        new = keys.shape[2]
        all_keys, all_values = self._layers[layer]
        all_keys.narrow(2, self.length, new).copy_(keys)
        all_values.narrow(2, self.length, new).copy_(values)
        end = self.length + new
        return all_keys.narrow(2, 0, end), all_values.narrow(2, 0, end)

    def advance(self, new: int) -> None:
        """Count `new` tokens that every layer has appended."""
        self.length += new

    def row(self, row: int, length: int) -> Tensor:
        """A copy of one row's first `length` tokens, [layers, 2, heads, length, size]."""
        return self._store[:, :, row, :, :length].clone()

    def fill(self, row: int, states: Tensor) -> None:
        """Write what `row` gave at the start of a row; `length` is left to `advance`."""
        self._store[:, :, row, :, : states.shape[3]] = states

    def blank(self, row: int, start: int, stop: int) -> None:
        """Fill places of a row that nobody may look at.

        What memory happens to hold there may be no number, and that spreads even where it counts nothing.
        """
        self._store[:, :, row, :, start:stop] = 0

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, each in its own place or in one before it, and forget the others."""
        for place, row in enumerate(rows):
            if place != row:
                self._store[:, :, place, :, : self.length] = self._store[:, :, row, :, : self.length]
        self._take(len(rows))

    def join(self, other: KeyValues) -> None:
        """Add another batch's rows behind the own ones, so that the last tokens of all stand side by side;
        the places before the first token of a shorter one are blank."""
        length, rows = max(self.length, other.length), self.rows
        self.reserve(length, rows + other.rows)
        self._move(length - self.length)
        self._take(rows + other.rows)
        before = length - other.length
        self._store[:, :, rows:, :, :before] = 0
        self._store[:, :, rows:, :, before:length] = other._store[..., : other.length, :]

    def forget(self, tokens: int) -> None:
        """Forget so many of the first tokens of every row."""
        self._move(-tokens)

    def _move(self, tokens: int) -> None:
        """Move everything so many places on, or back over the first ones."""
        if tokens > 0:
            for layer in self._store:  # one by one, for the sake of memory
                layer[..., tokens : tokens + self.length, :] = layer[..., : self.length, :].clone()
                layer[..., :tokens, :] = 0
        elif tokens < 0:
            for layer in self._store:
                layer[..., : self.length + tokens, :] = layer[..., -tokens : self.length, :].clone()
        self.length += tokens

    def _take(self, rows: int) -> None:
        self._store = self._all[:, :, :rows]
        self._layers = [(layer[0], layer[1]) for layer in self._store]
