"""The order of training: which rows make which pack, and which packs which step.

A function of rows, settings and seed alone: step n is the same whether or not a run was interrupted
before it, and however many processes share it. Knows nothing of tensors or models.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

from polycypher.adapters.train.packing import TrainingRow

Pack = list[TrainingRow]


class Order:
    """Epochs over rows, in packs of one schema, in steps of several packs."""

    def __init__(
        self,
        rows: Sequence[TrainingRow],
        *,
        rows_a_pack: int,
        packs_a_step: int,
        epochs: int,
        seed: int,
        tokens_a_pack: int = 2048,
    ) -> None:
        """`tokens_a_pack` bounds a pack of several rows; a single row may be longer."""
        self._rows = list(rows)
        self._rows_a_pack = rows_a_pack
        self._packs_a_step = packs_a_step
        self._tokens_a_pack = tokens_a_pack
        self._seed = seed
        self._epoch: tuple[int, list[list[Pack]]] = (-1, [])
        self._lengths = [len(self._steps(epoch)) for epoch in range(epochs)]

    @property
    def steps(self) -> int:
        """Steps in all epochs."""
        return sum(self._lengths)

    def step(self, number: int) -> list[Pack]:
        """The packs of a step (0-based)."""
        for epoch, length in enumerate(self._lengths):
            if number < length:
                if self._epoch[0] != epoch:
                    self._epoch = (epoch, self._steps(epoch))
                return self._epoch[1][number]
            number -= length
        raise IndexError(number)

    def _steps(self, epoch: int) -> list[list[Pack]]:
        chooser = random.Random(f"{self._seed} {epoch}")
        groups: dict[tuple[int, ...], list[TrainingRow]] = defaultdict(list)
        for row in chooser.sample(self._rows, len(self._rows)):
            groups[row.prefix].append(row)
        packs = [pack for group in groups.values() for pack in self._packs(group)]
        chooser.shuffle(packs)
        size = self._packs_a_step
        return [packs[at : at + size] for at in range(0, len(packs), size)]

    def _packs(self, rows: Sequence[TrainingRow]) -> list[Pack]:
        packs: list[Pack] = []
        length = 0
        for row in rows:
            own = len(row.suffix) + len(row.answer)
            if not packs or len(packs[-1]) == self._rows_a_pack or length + own > self._tokens_a_pack:
                packs.append([])
                length = len(row.prefix)
            packs[-1].append(row)
            length += own
        return packs
