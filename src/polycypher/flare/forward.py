"""Teacher-forced passes over packed batches: for training, and for how likely given answers are.

Knows nothing of optimisers or of what the answers mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from polycypher.adapters.train.packing import IGNORED
from polycypher.flare.batch import FlareBatch, FlareRow, make_batch
from polycypher.flare.model import FlareModel
from polycypher.flare.task import TaskModel


def flare_logits(model: FlareModel, batch: FlareBatch) -> tuple[Tensor, Tensor]:
    """Where something is predicted in any pack: logits [P, N, V] and labels [P, N].

    The source runs through the task model without gradient, the target through both.
    """
    sources = _latent_sources(model, batch) if batch.source is None else _text_sources(model, batch)
    with model.fusing(sources, batch.alignment):
        return _logits(model.task, batch)


def task_logits(task: TaskModel, batch: FlareBatch) -> tuple[Tensor, Tensor]:
    """The same of the task model alone, which looks at no source."""
    return _logits(task, batch)


@torch.inference_mode()
def likelihoods(expert: FlareModel | TaskModel, rows: Sequence[FlareRow], *, batch: int = 32) -> list[float]:
    """log p(answer | prompt) of rows, summed over the answer's tokens.

    Args:
        expert: a model with a FLARE adapter, or a task model alone.
        rows: a prompt with several possible answers gives a row each.
        batch: rows at once.
    """
    task = expert.task if isinstance(expert, FlareModel) else expert
    found: list[float] = []
    for at in range(0, len(rows), batch):
        packs = [[row] for row in rows[at : at + batch]]
        if isinstance(expert, FlareModel):
            made = make_batch(packs, latent=expert.encoder is not None, attends=expert.attends)
            logits, labels = flare_logits(expert, made.to(task.device))
        else:
            made = make_batch(packs, latent=True, attends=False)  # no source is run
            logits, labels = task_logits(task, made.to(task.device))
        losses = nn.functional.cross_entropy(
            logits.float().transpose(1, 2), labels, ignore_index=IGNORED, reduction="none"
        )
        found += (-losses.sum(1)).tolist()
    task.switch_off()
    return found


def _text_sources(model: FlareModel, batch: FlareBatch) -> dict[str, Tensor]:
    source = batch.source
    assert source is not None
    model.task.switch_on(source.ids.shape[0])
    with model.recording() as states:
        model.task.model.model(
            input_ids=source.ids,
            attention_mask=source.mask(model.task.model.dtype),
            position_ids=source.positions,
            use_cache=False,
        )
    return model.down(states)


def _latent_sources(model: FlareModel, batch: FlareBatch) -> dict[str, Tensor]:
    assert model.encoder is not None
    flat = [text for pack in batch.latents for text in pack]
    states = iter(model.encoder.states(flat))
    packs = [torch.cat([next(states) for _ in pack]).to(model.task.device) for pack in batch.latents]
    return model.down_latent(nn.utils.rnn.pad_sequence(packs, batch_first=True))


def _logits(task: TaskModel, batch: FlareBatch) -> tuple[Tensor, Tensor]:
    target = batch.target
    places = (target.labels != IGNORED).any(0).nonzero().squeeze(1)
    task.switch_on(target.ids.shape[0])
    logits: Tensor = task.model(
        input_ids=target.ids,
        attention_mask=target.mask(task.model.dtype),
        position_ids=target.positions,
        use_cache=False,
        logits_to_keep=places,
    ).logits
    return logits, target.labels[:, places]
