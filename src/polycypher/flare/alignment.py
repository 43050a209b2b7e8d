"""Which source token stands beside which target token: one rule for training and decoding.

Both prompts are `prefix` + own part, and an own part ends in `tail` tokens of frame. With s source tokens
and t target tokens of own part, position by position:

    prefix          target i ↔ source i
    own part        target i ↔ source i          where i < min(s, t) - tail
                    target i ↔ nothing           where the source's text is over before the target's
    tail            counted from the end: target t - k ↔ source s - k
    after the prompt, every token of the answer ↔ source s - 1, the source's last state

A source longer than the target is cut in the middle, between text and tail. What an attention may look at
follows: a target token sees the source tokens up to the one beside it (or, where none is, up to the last
before it), an answer's tokens see all. Knows nothing of models or of how states are fused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from polycypher.corpus.prompt import PromptTokens

NOTHING = -1
"""The place of a target token that no source token stands beside."""


@dataclass(frozen=True, slots=True)
class FlarePrompt:
    """A prompt in two languages: `prefix` + `target` is what is answered, `prefix` + `source` its source.

    `tail` tokens of frame end both own parts. With FLARE-MT, `source` holds tokens of the translation
    model's encoder, and nothing stands beside the prefix. Without source tokens the prompt is answered as
    by a plain LoRA.
    """

    prefix: tuple[int, ...]
    source: tuple[int, ...]
    target: tuple[int, ...]
    tail: int = 0

    @classmethod
    def of(cls, source: PromptTokens, target: PromptTokens) -> FlarePrompt:
        """Two prompts of the same frame.

        What their prefixes share is the prefix; a rest of either goes to its own part.
        """
        shared = 0
        for one, two in zip(source.prefix, target.prefix, strict=False):
            if one != two:
                break
            shared += 1
        return cls(
            tuple(target.prefix[:shared]),
            tuple(source.ids[shared:]),
            tuple(target.ids[shared:]),
            shared_tail(source, target),
        )


def shared_tail(source: PromptTokens, target: PromptTokens) -> int:
    """Tokens of frame after the question, where they are the same in both prompts, else 0."""
    one, two = source.suffix[source.question[1] :], target.suffix[target.question[1] :]
    return len(two) if one == two else 0


@dataclass(frozen=True, slots=True)
class Alignment:
    """For the target tokens of one pass.

    `places` [rows, new]: the source token beside each, or `NOTHING`. `seen` [rows, new, S]: the source tokens
    that each may look at; None where no fusion asks.
    """

    places: Tensor
    seen: Tensor | None = None


def beside(source: int, target: int, tail: int) -> tuple[list[int], list[int]]:
    """(place, how many source tokens are seen) of each of `target` tokens of an own part.

    Args:
        source, target: tokens of the own parts.
        tail: of these, tokens of frame at the end of both.
    """
    tail = min(tail, source, target)
    text = source - tail
    places, seen = [], []
    for at in range(target):
        if at < target - tail:
            places.append(at if at < text else NOTHING)
            seen.append(min(at + 1, text))
        else:
            place = source - (target - at)
            places.append(place)
            seen.append(place + 1)
    return places, seen


def align_rows(
    rows: Sequence[tuple[Sequence[int], Sequence[int]]], width: int, *, attends: bool, device: torch.device
) -> Alignment:
    """The alignment of rows that each have one source, its tokens from place 0 on.

    Args:
        rows: (places, how many source tokens are seen) of each row's target tokens; all of one length.
        width: S, tokens of the longest source.
        attends: whether a fusion looks at `seen`.
        device: of the result.
    """
    places = torch.tensor([list(places) for places, _ in rows], device=device)
    if not attends:
        return Alignment(places)
    counts = torch.tensor([list(counts) for _, counts in rows], device=device)
    return Alignment(places, torch.arange(width, device=device) < counts[..., None])
