"""`Picker`: the next token of every question, from mixed rows and under its mask.

While the model runs, the masks of the next step are made on a thread beside it. Knows nothing of Cypher:
a mask is an object with `mask`, `advance` and `finished`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import torch
from torch import Tensor


class TokenMask(Protocol):
    """What may come next; see `polycypher.translator.constrain` for one made from a grammar."""

    @property
    def finished(self) -> bool: ...

    def mask(self) -> Tensor: ...

    def advance(self, token_id: int) -> None: ...


class Picker:
    """Chooses tokens; `close` it when done."""

    def __init__(
        self,
        head: Callable[[Tensor], Tensor],
        masks: Sequence[TokenMask | None] = (),
        *,
        probabilities: bool = False,
    ) -> None:
        """`head` maps hidden states to logits; `masks` are those of questions 0, 1, …; `probabilities` mixes
        those."""
        self._head = head
        self._probabilities = probabilities
        self._masks: dict[int, TokenMask] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._made: dict[int, Future[Tensor]] = {}
        for question, mask in enumerate(masks):
            self.add(question, mask)

    def add(self, question: int, mask: TokenMask | None) -> None:
        """Choose for another question too."""
        if mask is not None:
            self._pool = self._pool or ThreadPoolExecutor(1, "masks")
            self._masks[question] = mask
            self._made[question] = self._pool.submit(mask.mask)

    def drop(self, question: int) -> None:
        """Choose for this question no more."""
        self._masks.pop(question, None)
        self._made.pop(question, None)

    def pick(self, last: Tensor, mixes: Tensor, owners: Sequence[int], alive: Sequence[int]) -> list[int]:
        """The best token of each question in `alive`.

        Args:
            last: last hidden states [rows, hidden].
            mixes: how much each row counts [rows].
            owners: the question of each row.
            alive: questions to choose for, in rising order.
        """
        scores = self._fused(last, mixes, owners, alive)
        for place, question in enumerate(alive):
            if question in self._made:
                allowed = self._made.pop(question).result().to(scores.device)
                scores[place].masked_fill_(~allowed, float("-inf"))
        tokens: list[int] = scores.argmax(-1).tolist()
        return tokens

    def advance(self, tokens: Mapping[int, int]) -> None:
        """Tell the masks which token was taken for which question; their next ones are made meanwhile."""
        for question, token in tokens.items():
            if self._pool is not None and (mask := self._masks.get(question)) is not None:
                self._made[question] = self._pool.submit(_next, mask, token)

    def close(self) -> None:
        """End the thread."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _fused(self, last: Tensor, mixes: Tensor, owners: Sequence[int], alive: Sequence[int]) -> Tensor:
        """Scores of the next token [alive, V]."""
        if len(alive) == 1 and len(owners) == 1 and not self._probabilities:
            alone: Tensor = self._head(last) * mixes
            return alone
        share = last.new_zeros(len(alive), len(owners))
        places = {question: place for place, question in enumerate(alive)}
        for row, owner in enumerate(owners):
            if owner in places:
                share[places[owner], row] = mixes[row]
        if not self._probabilities:
            # The output layer is linear, so it runs once on the mixed states.
            fused: Tensor = self._head(share @ last)
            return fused
        each = torch.log_softmax(self._head(last).float(), -1)
        return torch.logsumexp(each[None] + share.float().clamp_min(1e-30).log()[..., None], 1)


def _next(mask: TokenMask, token: int) -> Tensor:
    """The mask after a token."""
    mask.advance(token)
    return mask.mask()
