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
        self._take(torch.empty(layers, 2, rows, heads, max(1, capacity), size, dtype=dtype, device=device))

    @property
    def rows(self) -> int:
        """Rows in the batch."""
        return self._store.shape[2]

    @property
    def bytes(self) -> int:
        """Memory that is set aside."""
        return self._store.numel() * self._store.element_size()

    def reserve(self, tokens: int) -> None:
        """Make room for so many tokens in all."""
        capacity = self._store.shape[4]
        if tokens <= capacity:
            return
        old, shape = self._store, list(self._store.shape)
        shape[4] = max(tokens, capacity + capacity // 2)
        new = old.new_empty(shape)
        new[..., : self.length, :] = old[..., : self.length, :]
        self._take(new)

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
        """Keep these rows, in rising order, and forget the others."""
        for place, row in enumerate(rows):
            if place != row:
                self._store[:, :, place, :, : self.length] = self._store[:, :, row, :, : self.length]
        self._take(self._store[:, :, : len(rows)])

    def _take(self, store: Tensor) -> None:
        self._store = store
        self._layers = [(layer[0], layer[1]) for layer in store]
