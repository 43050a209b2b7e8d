"""Prompts of given lengths: random tokens cost what words cost. Knows nothing of models."""

from __future__ import annotations

import random
from collections.abc import Sequence

from polycypher.corpus.prompt import PromptTokens

QUESTION = 16
"""Tokens of a question; the rest of a prompt is its schema."""


def prompts(count: int, length: int, vocabulary: int, *, seed: int = 0) -> list[PromptTokens]:
    """`count` questions of `QUESTION` tokens about one schema, `length` tokens each in all."""
    draw = random.Random(seed)
    schema = _ids(draw, length - QUESTION, vocabulary)
    return [PromptTokens(schema, _ids(draw, QUESTION, vocabulary), (0, QUESTION - 2)) for _ in range(count)]


def whole(made: Sequence[PromptTokens]) -> list[list[int]]:
    """The prompts as the other ways take them: schema and question in one piece."""
    return [prompt.ids for prompt in made]


def _ids(draw: random.Random, count: int, vocabulary: int) -> list[int]:
    return [draw.randrange(10, vocabulary) for _ in range(count)]
