"""A tiny task model with a FLARE adapter whose weights are all random, and prompts in two languages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from polycypher.flare.alignment import FlarePrompt
from polycypher.flare.encoder import LatentEncoder
from polycypher.flare.fusions import FUSIONS
from polycypher.flare.model import FlareModel
from polycypher.flare.task import TaskModel, stacked_on
from tiny_models import random_adapter, tiny_llama

NAMES = tuple(FUSIONS)
SCHEMA = (5, 6, 7, 8)
PAIRS = (
    FlarePrompt(SCHEMA, (10, 11, 12, 13, 14, 90, 91), (20, 21, 22, 90, 91), 2),
    FlarePrompt(SCHEMA, (30, 31, 90, 91), (40, 41, 42, 43, 90, 91), 2),
    FlarePrompt((), (30, 31, 33), (40, 41), 0),
    FlarePrompt((5, 6), (50,), (60, 61, 62), 0),
)
"""Sources that are longer and shorter than their targets, with and without frame."""


def tiny_encoder() -> LatentEncoder:
    """A random M2M-100 of one layer."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    torch.manual_seed(3)
    config = M2M100Config(
        vocab_size=96,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=64,
        init_std=0.5,
    )
    return LatentEncoder(M2M100ForConditionalGeneration(config), pad=1, name="tiny")


def randomise(model: FlareModel, *, seed: int = 0) -> None:
    """Give all weights of an adapter random values."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.weights().values():
            weight.copy_(0.3 * torch.randn(weight.shape, generator=draw))


@contextmanager
def flared(
    fusion: str = "add", *, encoder: LatentEncoder | None = None, model: Any = None, random: bool = True
) -> Iterator[FlareModel]:
    """A FLARE model over a tiny base with a random task adapter."""
    base = tiny_llama() if model is None else model
    with tasked(base) as task:
        made = FlareModel(task, fusion=fusion, rank=4, alpha=8.0, encoder=encoder)
        if random:
            randomise(made)
        yield made
        made.remove()


@contextmanager
def tasked(base: Any) -> Iterator[TaskModel]:
    """A tiny base with a random task adapter."""
    with stacked_on(base, [random_adapter(base, seed=7, language="en")]) as task:
        yield task
