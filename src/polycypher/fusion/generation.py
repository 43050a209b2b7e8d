"""`Picker`: the next token of every question, from mixed rows and within its grammar.

Decoding is greedy, so a grammar is asked about the model's own first choice, which is nearly always allowed;
only where it is not, all that is allowed is asked for. The token is the same as with a mask at every step.
Knows nothing of Cypher: a mask is an object with `allows`, `mask` and `advance`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor


class TokenMask(Protocol):
    """What may come next; see `polycypher.translator.constrain` for one made from a grammar."""

    def allows(self, token_id: int) -> bool: ...

    def mask(self) -> Tensor: ...

    def advance(self, token_id: int) -> None: ...


class Picker:
    """Chooses tokens."""

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
        for question, mask in enumerate(masks):
            self.add(question, mask)

    def add(self, question: int, mask: TokenMask | None) -> None:
        """Choose for another question too."""
        if mask is not None:
            self._masks[question] = mask

    def drop(self, question: int) -> None:
        """Choose for this question no more."""
        self._masks.pop(question, None)

    def pick(self, last: Tensor, mixes: Tensor, owners: Sequence[int], alive: Sequence[int]) -> list[int]:
        """The best token of each question in `alive`.

        Args:
            last: last hidden states [rows, hidden].
            mixes: how much each row counts [rows].
            owners: the question of each row.
            alive: questions to choose for.
        """
        scores = self._fused(last, mixes, owners, alive)
        tokens: list[int] = scores.argmax(-1).tolist()
        for place, question in enumerate(alive):
            mask = self._masks.get(question)
            if mask is not None and not mask.allows(tokens[place]):
                allowed = mask.mask().to(scores.device)
                tokens[place] = int(scores[place].masked_fill(~allowed, float("-inf")).argmax())
        return tokens

    def advance(self, tokens: Mapping[int, int]) -> None:
        """Tell the masks which token was taken for which question."""
        for question, token in tokens.items():
            if (mask := self._masks.get(question)) is not None:
                mask.advance(token)

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
