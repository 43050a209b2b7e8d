"""Tiny models, prompts and full recomputations for the tests of the routers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from polycypher.corpus.prompt import PromptTokens
from polycypher.fusion.routers import Router, RouterPrompt, TokenRouter, make_router
from polycypher.fusion.routers.training import RoutedModel
from polycypher.fusion.stacked import StackedAdapter
from tiny_models import END, random_adapters, random_ids, tiny_llama

K = 3
TEXTS = ("Which films are there?", "¿Qué películas hay?", "Hangi filmler var?")
OPTIONS: dict[str, dict[str, Any]] = {"language-id": {"languages": ["en", "es", "tr"]}}
TOKEN_ROUTERS = ("x-lora", "arrow", "meteora", "mixlora", "adapter-fusion")
PROMPT_ROUTERS = ("language-id", "gate-mlp", "gate-shared-scorer")


def stacked_llama(count: int = K) -> tuple[Any, StackedAdapter]:
    """A tiny model with adapters of different ranks and alphas."""
    model = tiny_llama()
    return model, StackedAdapter(model, random_adapters(model, count))


def random_router(name: str, model: Any, stacked: StackedAdapter, *, seed: int = 0, **options: Any) -> Router:
    """A router whose weights are random and large enough to matter."""
    torch.manual_seed(seed)
    router = make_router(name, model, stacked, **{**OPTIONS.get(name, {}), **options})
    with torch.no_grad():
        for weight in router.parameters():
            weight.normal_(0, 0.5)
    return router.requires_grad_(False)


def prompts() -> list[RouterPrompt]:
    """Prompts of different lengths, schemas and languages."""
    sizes = [(14, 9), (14, 4), (6, 12), (0, 5), (9, 1)]
    return [
        RouterPrompt(
            PromptTokens(
                random_ids(before, seed=before).tolist(),
                random_ids(after, seed=40 + after).tolist(),
                (0, max(1, after - 1)),
            ),
            TEXTS[number % len(TEXTS)],
        )
        for number, (before, after) in enumerate(sizes)
    ]


@torch.inference_mode()
def states_of(model: Any, stacked: StackedAdapter, router: TokenRouter, ids: Tensor) -> Tensor:
    """Logits [rows, tokens, V] of whole sequences under a router, without keys or values kept."""
    logits: Tensor = RoutedModel(model, stacked, router)(input_ids=ids, use_cache=False).logits
    return logits


def recomputed(
    model: Any, stacked: StackedAdapter, router: TokenRouter, prompt: RouterPrompt, most: int
) -> list[int]:
    """A greedy answer, the whole sequence run again for every token."""
    answer: list[int] = []
    while len(answer) < most:
        ids = torch.tensor([[*prompt.tokens.ids, *answer]])
        token = int(states_of(model, stacked, router, ids)[0, -1].argmax())
        if token == END:
            break
        answer.append(token)
    return answer
