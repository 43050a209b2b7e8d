"""The reference task of AdaMergeX (arXiv 2402.18913): causal language modelling on plain text.

A text becomes rows for the training loop: no prefix, the start token as the question, the text's tokens and
the end token as the answer. A long text is cut into blocks; a block goes on from the last token before it,
so that every token is predicted exactly once. Knows nothing of corpora or models.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from polycypher.adapters.train.packing import TrainingRow
from polycypher.errors import TrainingError


def text_rows(
    texts: Iterable[str],
    tokenizer: Any,
    *,
    start: int | None = None,
    end: int | None = None,
    longest: int = 512,
) -> list[TrainingRow]:
    """Rows of plain text; texts of white space alone make none.

    Args:
        texts: any language; each is a sequence of its own.
        tokenizer: of `transformers`. Special tokens that a text spells out are plain text here.
        start: what the first token is predicted from; None takes the tokenizer's `bos_token_id`, and where
            there is none, the first token is not predicted.
        end: what ends a text; None takes the tokenizer's `eos_token_id`.
        longest: tokens of a row, its start included.

    Raises:
        TrainingError: the tokenizer has no end token and none is given, or rows of less than two tokens.
    """
    start = tokenizer.bos_token_id if start is None else start
    end = tokenizer.eos_token_id if end is None else end
    if end is None:
        raise TrainingError("the tokenizer has no end token; set `eos_token`, or give `end`")
    if longest < 2:
        raise TrainingError(f"a row of {longest} tokens predicts nothing; take 2 or more")
    rows: list[TrainingRow] = []
    for text in texts:
        if not text.strip():
            continue
        tokens = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        whole = [*([] if start is None else [start]), *tokens, end]
        rows += [
            TrainingRow((), (whole[at],), tuple(whole[at + 1 : at + longest]))
            for at in range(0, len(whole) - 1, longest - 1)
        ]
    return rows
