"""This project's modes as contenders. Knows nothing of PEFT."""

from __future__ import annotations

from collections.abc import Sequence

from polycypher.benchmark.timing import Contender, Sample
from polycypher.corpus.prompt import PromptTokens
from polycypher.fusion.fused import FusedDecoder, Question
from polycypher.fusion.modes import Mode

ALONE = "ours, one adapter"
"""A contender that runs the first adapter without a gate: what our own decoding gains without fusion."""


def mode_contender(
    decoder: FusedDecoder, prompts: Sequence[PromptTokens], mode: Mode | None, tokens: int
) -> Contender:
    """Answers of `tokens` tokens each to `prompts` in one batch; the first parts are forgotten before every
    run, so that each is a first question. `mode` None: the first adapter alone."""

    def run() -> Sample:
        decoder.runner.prefixes.clear()
        return one_run(decoder, prompts, mode, tokens)

    return run


def one_run(decoder: FusedDecoder, prompts: Sequence[PromptTokens], mode: Mode | None, tokens: int) -> Sample:
    """One batch, with whatever first parts are kept."""
    alone = [float(number == 0) for number in range(decoder.stacked.count)] if mode is None else None
    questions = [Question(prompt, mode or Mode.TOP1, alone) for prompt in prompts]
    made = decoder.decode_batch(questions, most=tokens)
    # Until the last question's weights, the first token of any, and the end of all.
    return Sample(
        0.0 if mode is None else max(one.gate_seconds for one in made),
        min(one.gate_seconds + one.first_seconds for one in made),
        max(one.gate_seconds + one.decode_seconds for one in made),
        tokens,
        len(prompts),
    )
