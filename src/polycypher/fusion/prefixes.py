"""`PrefixStore`: keys, values and states of prompts' first parts, one row an adapter.

A schema's tokens come first in every prompt and do not look at what follows, so their states are the same
for each question: run once for an adapter, they serve all (the same logits to 1e-4, tested). What was used
longest ago is forgotten first. Knows nothing of schemas.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from torch import Tensor

MOST_BYTES = 512 * 2**20
"""Memory of a store: with nano, some 130 rows of 512 tokens; with an 8B model, 4 of 1,024."""


@dataclass(frozen=True, slots=True)
class PrefixRow:
    """One prefix in one row: `kept` [layers, 2, heads, S, size] and last hidden states [S, hidden]."""

    kept: Tensor
    states: Tensor

    @property
    def bytes(self) -> int:
        """Memory of both."""
        return sum(part.numel() * part.element_size() for part in (self.kept, self.states))


class PrefixStore:
    """Rows by what made them, within `most_bytes`."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._rows: OrderedDict[Hashable, PrefixRow] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def bytes(self) -> int:
        """Memory in use."""
        return self._bytes

    def get(self, key: Hashable) -> PrefixRow | None:
        """The row of a key, now the one used last."""
        if key not in self._rows:
            return None
        self._rows.move_to_end(key)
        return self._rows[key]

    def clear(self) -> None:
        """Forget everything."""
        self._rows.clear()
        self._bytes = 0

    def put(self, key: Hashable, row: PrefixRow) -> None:
        """Keep a row, and forget others where memory asks for it; one that is too large alone is not kept."""
        if row.bytes > self._most:
            return
        if (old := self._rows.pop(key, None)) is not None:
            self._bytes -= old.bytes
        self._rows[key] = row
        self._bytes += row.bytes
        while self._bytes > self._most:
            _, gone = self._rows.popitem(last=False)
            self._bytes -= gone.bytes
