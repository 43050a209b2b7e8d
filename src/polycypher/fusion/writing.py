"""`Writing`: answers in the writing, a token of each a step; questions join and leave between steps.

A batch whose questions all begin and end together runs as long as its longest answer, ever emptier. Here a
question that is finished gives up its rows at once, and others take them while the rest goes on (continuous
batching: Yu et al., OSDI 2022, there called iteration-level scheduling). What is written does not depend on
who else is there, but for rounding. Knows nothing of gates, Cypher or languages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from polycypher.fusion.backbone import Backbone
from polycypher.fusion.generation import Picker, TokenMask
from polycypher.fusion.keyvalues import KeyValues
from polycypher.fusion.stacked import StackedAdapter

if TYPE_CHECKING:
    from polycypher.fusion.runner import RowStates

_SLACK = 64
"""So many places that no row uses any more are forgotten together."""


@dataclass(slots=True)
class _Rows:
    """What goes on, a row each: the question, how much it counts, the gate vector [Σr], the next position,
    the first place in use of `kept`, and which places are no padding [places]."""

    owners: list[int]
    mixes: Tensor
    vectors: Tensor
    places: Tensor
    starts: list[int]
    kept: KeyValues
    seen: Tensor | None

    def drop(self, gone: set[int]) -> None:
        """Without the rows of these questions: what is behind moves into their places."""
        rows = [row for row, owner in enumerate(self.owners) if owner not in gone]
        if len(rows) == len(self.owners):
            return
        count = len(rows)
        behind = [row for row in rows if row >= count]
        order = [row if self.owners[row] not in gone else behind.pop() for row in range(count)]
        chosen = torch.tensor(order, dtype=torch.long, device=self.places.device)
        self.kept.select(order)
        self.owners = [self.owners[row] for row in order]
        self.starts = [self.starts[row] for row in order]
        self.mixes, self.vectors, self.places = (
            part[chosen] for part in (self.mixes, self.vectors, self.places)
        )
        self.seen = None if self.seen is None else self.seen[chosen]
        self._forget()

    def join(self, other: _Rows) -> None:
        """With another batch's rows behind the own ones."""
        length = max(self.kept.length, other.kept.length)
        moved, moved_other = length - self.kept.length, length - other.kept.length
        if self.seen is not None or other.seen is not None or moved or moved_other:
            self.seen = torch.cat([self._seen(moved), other._seen(moved_other)])
        self.kept.join(other.kept)
        self.owners += other.owners
        self.starts = [start + moved for start in self.starts]
        self.starts += [start + moved_other for start in other.starts]
        self.mixes, self.vectors, self.places = (
            torch.cat(parts)
            for parts in (
                (self.mixes, other.mixes),
                (self.vectors, other.vectors),
                (self.places, other.places),
            )
        )
        self._forget()

    def _seen(self, before: int) -> Tensor:
        """`seen` with so many places of padding before."""
        own = self.seen
        if own is None:
            own = self.places.new_ones(len(self.owners), self.kept.length, dtype=torch.bool)
        return torch.cat([own.new_zeros(len(self.owners), before), own], 1)

    def _forget(self) -> None:
        """Give up places before every row's first."""
        unused = min(self.starts, default=0)
        if unused >= _SLACK and self.seen is not None:
            self.kept.forget(unused)
            self.seen = self.seen[:, unused:]
            self.starts = [start - unused for start in self.starts]


class Writing:
    """Answers in the writing.

    Args:
        backbone: runs tokens.
        stacked: the adapters.
        head: maps hidden states to logits.
        end: the end token.
        most: tokens an answer may have.
        probabilities: mix probabilities instead of logits.
    """

    def __init__(
        self,
        backbone: Backbone,
        stacked: StackedAdapter,
        head: Callable[[Tensor], Tensor],
        *,
        end: int,
        most: int,
        probabilities: bool = False,
    ) -> None:
        self._backbone = backbone
        self._stacked = stacked
        self._end = end
        self._most = most
        self._picker = Picker(head, probabilities=probabilities)
        self._rows: _Rows | None = None
        self._answers: dict[int, list[int]] = {}
        self._told: dict[int, Callable[[int, int], None]] = {}

    @property
    def questions(self) -> int:
        """How many are in the writing."""
        return len(self._answers)

    @torch.inference_mode()
    def add(
        self,
        states: RowStates,
        mixes: Tensor,
        *,
        numbers: Sequence[int] | None = None,
        masks: Sequence[TokenMask | None],
        on_token: Callable[[int, int], None] = lambda number, token: None,
    ) -> list[tuple[int, list[int]]]:
        """Write further answers, and their first tokens at once.

        Args:
            states: of the whole prompts; used up.
            mixes: how much each row counts [rows].
            numbers: what the questions are called, other than any that is in the writing; 0, 1, … if None.
            masks: which tokens may come next, a question each; None for free decoding.
            on_token: told of every token as it is chosen: the question's number, the token.

        Returns:
            Those that are finished already: the number, the answer without the end token.
        """
        called = list(range(len(states.lengths))) if numbers is None else list(numbers)
        mixes = mixes.to(states.suffix)
        rows = _Rows(
            [called[owner] for owner in states.owners],
            mixes,
            self._stacked.vectors_of(states.weights),
            states.places,
            [0] * len(states.owners),
            states.kept,
            states.seen,
        )
        for number, mask in zip(called, masks, strict=True):
            self._answers[number] = []
            self._told[number] = on_token
            self._picker.add(number, mask)
        finished = self._take(states.suffix[:, -1], rows, called)
        if rows.owners:
            if self._rows is None:
                self._rows = rows
            else:
                self._rows.join(rows)
        return finished

    @torch.inference_mode()
    def step(self) -> list[tuple[int, list[int]]]:
        """Write one more token of every answer; returns what `add` does. Something must be in the writing."""
        rows = self._rows
        if rows is None:
            raise ValueError("no answer is in the writing")
        self._stacked.use_vectors(rows.vectors)
        mask = None
        if rows.seen is not None:
            rows.seen = torch.cat([rows.seen, rows.seen.new_ones(len(rows.owners), 1)], 1)
            mask = rows.seen[:, None, None]
        ids = torch.tensor([[self._answers[owner][-1]] for owner in rows.owners], device=rows.places.device)
        last = self._backbone.forward(ids, rows.places[:, None], rows.kept, mask)[:, 0]
        rows.places = rows.places + 1
        finished = self._take(last, rows, list(self._answers))
        if not rows.owners:
            self._rows = None
        return finished

    @torch.inference_mode()
    def drop(self, numbers: Collection[int]) -> None:
        """Give up these answers."""
        for number in self._answers.keys() & set(numbers):
            del self._answers[number], self._told[number]
            self._picker.drop(number)
        if self._rows is not None:
            self._rows.drop(set(numbers))
            self._rows = self._rows if self._rows.owners else None

    def _take(self, last: Tensor, rows: _Rows, numbers: Sequence[int]) -> list[tuple[int, list[int]]]:
        """The next tokens of `numbers`, whose rows are all of `rows`."""
        tokens = dict(zip(numbers, self._picker.pick(last, rows.mixes, rows.owners, numbers), strict=True))
        finished = []
        for number, token in tokens.items():
            answer = self._answers[number]
            if token != self._end:
                answer.append(token)
                self._told[number](number, token)
            if token == self._end or len(answer) >= self._most:
                finished.append((number, answer))
        for number, _ in finished:
            del self._answers[number], self._told[number], tokens[number]
            self._picker.drop(number)
        self._picker.advance(tokens)
        rows.drop({number for number, _ in finished})
        return finished
