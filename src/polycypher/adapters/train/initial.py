"""Initialisations that look at training rows: CorDA (arXiv 2406.05223) and EVA (arXiv 2410.07170).

CorDA takes the directions of a weight that matter most for the rows' activations X, by an SVD of W·XXᵀ; its
instruction-previewed mode, the rows being those of the task. EVA begins A with the principal directions of
the activations themselves. PEFT does both; this module runs the rows for it. Knows nothing of steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import nn

from polycypher.adapters.train.packing import IGNORED, TrainingRow
from polycypher.errors import TrainingError

_BATCH: Final = 8
_PASSES: Final = 50
"""Over the rows, after which EVA's directions will not settle any more."""


def previewed(model: nn.Module, config: Any, rows: Sequence[TrainingRow]) -> None:
    """Prepare `model` for `get_peft_model` with CorDA's `config`; the rows are run one at a time.

    Raises:
        ValueError: PEFT's: an activation that is no number.
    """
    from peft.tuners.lora.corda import preprocess_corda

    device = next(model.parameters()).device

    def run() -> None:
        for row in rows:
            ids = torch.tensor([[*row.prefix, *row.suffix, *row.answer]], device=device)
            model(input_ids=ids, use_cache=False, logits_to_keep=1)

    with _hooks_removed(model):
        preprocess_corda(model, config, run_model=run)


def explained_variance(tuned: Any, rank: int, rows: Sequence[TrainingRow]) -> None:
    """Begin every A of the PEFT model `tuned` with the directions of the answers' activations.

    Raises:
        TrainingError: the rows have too few answer tokens for the rank, or their directions do not settle.
    """
    from peft import initialize_lora_eva_weights

    device = next(tuned.parameters()).device
    # A last, smaller batch would disturb the incremental SVD; it is dropped where there is another.
    starts = range(0, max(1, len(rows) - _BATCH + 1), _BATCH)
    batches = [_batch(rows[at : at + _BATCH], device) for at in starts]
    least = min(int((batch["labels"] != IGNORED).sum()) for batch in batches)
    if least < rank:
        raise TrainingError(
            f"`initialisation: eva` of rank {rank} needs as many answer tokens in {_BATCH} rows, and some "
            f"have {least}; lower `rank` or train on more rows"
        )
    calls = 0

    def run(model: Any, inputs: dict[str, Any]) -> None:
        nonlocal calls
        calls += 1
        if calls > _PASSES * len(batches):
            raise TrainingError(
                f"`initialisation: eva`: the directions of {len(rows)} rows do not settle at rank {rank}; "
                "lower `rank` or raise `initialisation_rows`"
            )
        seen = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        model(**seen, use_cache=False, logits_to_keep=1)

    initialize_lora_eva_weights(
        tuned, batches, forward_fn=run, gather_distributed_inputs=False, show_progress_bar=False
    )


def _batch(rows: Sequence[TrainingRow], device: torch.device) -> dict[str, Any]:
    """Rows padded on the right, as PEFT's functions take them: a label is the token at its own place."""
    longest = max(len(row.prefix) + len(row.suffix) + len(row.answer) for row in rows)
    columns: dict[str, list[list[int]]] = {"input_ids": [], "attention_mask": [], "labels": []}
    for row in rows:
        asked = [*row.prefix, *row.suffix]
        length = len(asked) + len(row.answer)
        spare = longest - length
        columns["input_ids"].append([*asked, *row.answer, *[0] * spare])
        columns["attention_mask"].append([1] * length + [0] * spare)
        columns["labels"].append([*[IGNORED] * len(asked), *row.answer, *[IGNORED] * spare])
    return {name: torch.tensor(values, device=device) for name, values in columns.items()}


@contextmanager
def _hooks_removed(model: nn.Module) -> Iterator[None]:
    """PEFT leaves its hooks behind where its preparation fails."""
    before = {module: set(module._forward_hooks) for module in model.modules()}
    try:
        yield
    finally:
        for module, kept in before.items():
            for key in set(module._forward_hooks) - kept:
                del module._forward_hooks[key]
