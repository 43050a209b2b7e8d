"""The optimizer of a run: AdamW, in 8 bits on request, with LoRA+ (arXiv 2402.12354) as groups of rates.

LoRA+ gives B the rate of A times a ratio. Knows nothing of steps or schedules.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from polycypher.adapters.train.settings import AdapterSettings
from polycypher.errors import TrainingError


def make_optimizer(
    tuned: Any, weights: list[nn.Parameter], settings: AdapterSettings
) -> torch.optim.Optimizer:
    """The optimizer of the PEFT model `tuned`, of which `weights` are trained.

    A group's `ratio`, where it has one, is what the rate of a step is multiplied by.

    Raises:
        TrainingError: bitsandbytes is asked for and missing.
    """
    make: Any = torch.optim.AdamW
    if settings.optimizer == "adamw-8bit":
        try:
            import bitsandbytes
        except ImportError:
            raise TrainingError(
                "the optimizer adamw-8bit needs bitsandbytes: pip install bitsandbytes, or say "
                "`optimizer: adamw`"
            ) from None
        make = bitsandbytes.optim.AdamW8bit
    optimizer: torch.optim.Optimizer
    if settings.loraplus_ratio is None:
        optimizer = make(weights, lr=settings.rate, weight_decay=settings.weight_decay)
        return optimizer
    from peft.optimizers import create_loraplus_optimizer

    optimizer = create_loraplus_optimizer(
        tuned,
        make,
        lr=settings.rate,
        loraplus_lr_ratio=settings.loraplus_ratio,
        loraplus_weight_decay=settings.weight_decay,
    )
    for group in optimizer.param_groups:
        group["ratio"] = group["lr"] / settings.rate
    return optimizer
