"""A model with an adapter of any kind, from tensors in memory, and its greedy answers.

PEFT makes the adapter's layers. A prefix is not a layer but a cache that the prompt goes on from: its keys
and values stand at positions 0 … V − 1 and every prompt begins at position V, after its padding, so that an
answer is the same alone and in a batch. Knows nothing of languages, corpora or training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from polycypher.adapters.kinds.plain import check_base
from polycypher.adapters.merge.state import LORA, AdapterState
from polycypher.errors import AdapterError

NAME = "default"
"""PEFT's name of the one adapter in a model."""


@contextmanager
def adapted(model: nn.Module, state: AdapterState | None) -> Iterator[Any]:
    """`model` with the adapter in it, in evaluation mode, until the `with` ends; None leaves it as it is.

    Raises:
        AdapterError: the adapter does not fit the model, or belongs to a base that it changed.
    """
    if state is None:
        yield model.eval()
        return
    from peft import PeftConfig, get_peft_model, set_peft_model_state_dict

    check_base(state)
    told = {
        **state.config,
        **({"init_lora_weights": True} if state.kind == LORA else {}),
        "peft_type": state.kind,
        "inference_mode": True,
        "base_model_name_or_path": None,  # PEFT warns of a base that is not where it was trained
    }
    tuned: Any = None
    try:
        try:
            tuned = get_peft_model(model, PeftConfig.from_peft_type(**told))
            loaded = set_peft_model_state_dict(tuned, dict(state.tensors))
        except (ValueError, KeyError, TypeError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise AdapterError(f"the adapter '{state.language}' does not fit the model: {reason}") from None
        # A prefix is read by its name in the file, which is none of the model's.
        if odd := {*loaded.unexpected_keys} - {"prompt_embeddings"}:
            raise AdapterError(
                f"the adapter '{state.language}' changes {min(odd)}, which the base model does not have"
            )
        yield tuned.eval()
    finally:
        if tuned is not None:
            detach(tuned)


def detach(tuned: Any) -> None:
    """Take the adapter out of a PEFT model; the base stays as it was before."""
    if not tuned.peft_config[NAME].is_prompt_learning:
        tuned.unload()


def prefixed(tuned: Any, rows: int) -> tuple[Any, Any, int]:
    """(the model to call, the cache to call it with, the keys and values in the cache a row).

    Without a prefix these are `tuned`, None and 0. A cache is used up by the call.
    """
    config = getattr(tuned, "peft_config", {}).get(NAME)
    if config is None or not config.is_prompt_learning:
        return tuned, None, 0
    return tuned.get_base_model(), tuned.get_prompt(rows), int(config.num_virtual_tokens)


def generate_with(
    model: nn.Module,
    state: AdapterState | None,
    prompts: Sequence[Sequence[int]],
    *,
    end: int,
    pad: int = 0,
    most: int = 200,
    batch: int = 16,
) -> list[list[int]]:
    """Greedy answers of `model` with an adapter, in the prompts' order, without the end token.

    Args:
        model: a Hugging Face causal language model.
        state: the adapter, of any kind; None for the base alone.
        prompts: token ids, at least one each.
        end: the token that ends an answer.
        pad: any token; it stands where nothing is seen.
        most: tokens an answer may have.
        batch: prompts run at once; those of like length together.

    Raises:
        AdapterError: the adapter does not fit the model.
        ValueError: an empty prompt.
    """
    with adapted(model, state) as tuned:
        return generate(tuned, prompts, end=end, pad=pad, most=most, batch=batch)


def generate(
    tuned: Any, prompts: Sequence[Sequence[int]], *, end: int, pad: int = 0, most: int = 200, batch: int = 16
) -> list[list[int]]:
    """As `generate_with`, of a model that `adapted` gives."""
    if not all(prompts):
        raise ValueError("an empty prompt has no next token")
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    answers: list[list[int]] = [[] for _ in prompts]
    for at in range(0, len(order), batch):
        some = order[at : at + batch]
        for index, answer in zip(
            some, _greedy(tuned, [prompts[index] for index in some], end, pad, most), strict=True
        ):
            answers[index] = answer
    return answers


@torch.inference_mode()
def _greedy(tuned: Any, prompts: Sequence[Sequence[int]], end: int, pad: int, most: int) -> list[list[int]]:
    device = next(tuned.parameters()).device
    longest = max(map(len, prompts))
    ids = torch.tensor([[pad] * (longest - len(prompt)) + list(prompt) for prompt in prompts], device=device)
    seen = torch.tensor(
        [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=device
    )
    model, cache, before = prefixed(tuned, len(prompts))
    places = (seen.cumsum(1) - 1).clamp(min=0) + before  # padding is at a place of its own for no one
    seen = torch.cat([seen.new_ones(len(prompts), before), seen], 1)
    answers: list[list[int]] = [[] for _ in prompts]
    alive = set(range(len(prompts)))
    for _ in range(most):
        out = model(
            input_ids=ids,
            attention_mask=seen,
            position_ids=places,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache = out.past_key_values
        chosen: Tensor = out.logits[:, -1].argmax(-1)
        for row, token in enumerate(chosen.tolist()):
            if token == end:
                alive.discard(row)
            elif row in alive:
                answers[row].append(token)
        if not alive:
            break
        ids, places = chosen[:, None], places[:, -1:] + 1
        seen = torch.cat([seen, seen.new_ones(len(prompts), 1)], 1)
    return answers
