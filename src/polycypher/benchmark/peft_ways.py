"""The ways people run adapters today, through PEFT and `transformers`, as contenders.

`generate` is how one adapter is run; the ways that fuse logits have no `generate` and run in the plainest
loop with a cache for every adapter. Knows nothing of this project's decoding.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.generation.streamers import BaseStreamer

from polycypher.benchmark.models import NEVER, Parts, save_adapters
from polycypher.benchmark.timing import Contender, Sample

BASE = "base, no adapter"
ONE = "PEFT, one adapter"
LOOP = "PEFT, one adapter, own loop"
SEQUENTIAL = "PEFT, K sequential passes"
MIXED = "PEFT, mixed batch"
MERGED = "PEFT, merged adapter"
XLORA = "PEFT, X-LoRA"


class _First(BaseStreamer):  # type: ignore[misc]  # untyped in transformers
    """Takes the time of the first new token."""

    def __init__(self) -> None:
        self.at = 0.0
        self._prompt = True

    def put(self, value: Tensor) -> None:
        if self._prompt:
            self._prompt = False
        elif not self.at:
            self.at = time.perf_counter()

    def end(self) -> None:
        """Nothing to close."""


class PeftWays:
    """Contenders over copies of the base in `parts`; adapters are read from `folder`."""

    def __init__(self, parts: Parts, folder: Path) -> None:
        from peft import PeftModel

        self._parts = parts
        self._folders = save_adapters(parts, folder)
        self.base = copy.deepcopy(parts.base)
        self.model = PeftModel.from_pretrained(copy.deepcopy(parts.base), self._folders[0], adapter_name="0")
        for number, place in enumerate(self._folders[1:], 1):
            self.model.load_adapter(place, adapter_name=str(number))
        names = [str(number) for number in range(len(self._folders))]
        share = 1.0 / len(names)
        self.model.add_weighted_adapter(names, [share] * len(names), "merged", combination_type="cat")
        self.model.eval()
        self._names = names
        self._xlora: Any = None

    def ways(
        self, prompts: Tensor, tokens: int, *, fused: bool = True, xlora: bool = True
    ) -> dict[str, Contender]:
        """Contenders by name, for prompts [N, length].

        Args:
            prompts: token ids; all of one length.
            tokens: of each answer.
            fused: also the ways that fuse logits, for one prompt.
            xlora: also X-LoRA, which keeps no cache and takes the longest by far.
        """
        found = {
            BASE: self._generate(self.base, prompts, tokens),
            ONE: self._generate(self.model, prompts, tokens, adapter="0"),
        }
        if fused and prompts.shape[0] == 1:
            found[LOOP] = self._loop(prompts, tokens, sequential=True, count=1)
            found[MERGED] = self._generate(self.model, prompts, tokens, adapter="merged")
            found[SEQUENTIAL] = self._loop(prompts, tokens, sequential=True)
            found[MIXED] = self._loop(prompts, tokens, sequential=False)
        if xlora:
            found[XLORA] = self._generate(self._x_model(), prompts, tokens)
        return found

    def _generate(self, model: Any, prompts: Tensor, tokens: int, adapter: str | None = None) -> Contender:
        def run() -> Sample:
            if adapter is not None:
                model.set_adapter(adapter)
            first = _First()
            began = time.perf_counter()
            with torch.inference_mode():
                made = model.generate(
                    input_ids=prompts,
                    attention_mask=torch.ones_like(prompts),
                    max_new_tokens=tokens,
                    do_sample=False,
                    eos_token_id=NEVER,
                    pad_token_id=0,
                    streamer=first if prompts.shape[0] == 1 else None,
                )
            self._wait()
            total = time.perf_counter() - began
            assert made.shape[1] == prompts.shape[1] + tokens
            return Sample(
                0.0,
                first.at - began if first.at else float("nan"),
                total,
                tokens,
                prompts.shape[0],
            )

        return run

    def _loop(self, prompts: Tensor, tokens: int, *, sequential: bool, count: int | None = None) -> Contender:
        """Σ_i L_i / K, greedy: a pass an adapter, or one pass with a row an adapter."""
        names = self._names[:count]

        def step(ids: Tensor, caches: list[Any]) -> Tensor:
            if not sequential:
                output = self.model(
                    input_ids=ids.expand(len(names), -1),
                    past_key_values=caches[0],
                    use_cache=True,
                    adapter_names=names,
                    logits_to_keep=1,
                )
                mixed: Tensor = output.logits[:, -1].mean(0)
                return mixed
            total: Any = 0.0
            for name, kept in zip(names, caches, strict=True):
                if len(names) > 1:
                    self.model.set_adapter(name)
                output = self.model(input_ids=ids, past_key_values=kept, use_cache=True, logits_to_keep=1)
                total = total + output.logits[0, -1]
            fused: Tensor = total / len(names)
            return fused

        def run() -> Sample:
            self.model.set_adapter(names[0])
            caches = [DynamicCache(config=self.model.config) for _ in (names if sequential else names[:1])]
            began = time.perf_counter()
            first = 0.0
            with torch.inference_mode():
                ids = prompts
                for number in range(tokens):
                    token = int(step(ids, caches).argmax())
                    first = first or time.perf_counter() - began
                    if number + 1 < tokens:
                        ids = torch.tensor([[token]], device=prompts.device)
            self._wait()
            return Sample(0.0, first, time.perf_counter() - began, tokens)

        return run

    def _x_model(self) -> Any:
        from peft import XLoraConfig, get_peft_model

        if self._xlora is None:
            base = copy.deepcopy(self._parts.base)
            base.config.use_cache = False  # X-LoRA passes twice, and PEFT's refuses a cache
            self._xlora = get_peft_model(
                base,
                XLoraConfig(
                    task_type="CAUSAL_LM",
                    hidden_size=base.config.hidden_size,
                    xlora_depth=2,
                    adapters={str(number): str(place) for number, place in enumerate(self._folders)},
                ),
            ).eval()
        return self._xlora

    def _wait(self) -> None:
        if self._parts.device.startswith("cuda"):
            torch.cuda.synchronize()


def prompt_rows(prompts: Sequence[Sequence[int]], device: str) -> Tensor:
    """Token ids of prompts of one length, [N, length]."""
    return torch.tensor([list(prompt) for prompt in prompts], device=device)
