"""FLARE-MT: a machine translation model's encoder gives the source (arXiv 2501.06892, §3).

    s = W h + b,   h the encoder's last states [S, d_mt], W [d, d_mt]

the same s for every layer: a latent translation, for which no source text has to be written and nothing of
the language model runs. The encoder reads the target language's own text, is frozen, and gives the states of
a text once; W and b are learned with the adapter. NLLB and M2M-100 are such models (`M2M100Encoder`). Knows
nothing of prompts or fusions.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from polycypher.errors import ModelError, UsageError

MOST_KEPT = 8192
"""Texts whose states are kept."""


class LatentEncoder:
    """A frozen encoder of `transformers`. `size` is d_mt; `name` stands in what is saved."""

    def __init__(self, encoder: Any, *, pad: int, tokenizer: Any = None, name: str = "") -> None:
        """`encoder` is an encoder or a whole translation model; `tokenizer` is needed for texts only."""
        whole = getattr(encoder, "get_encoder", None)
        self.encoder = encoder if whole is None else whole()
        self.encoder.eval().requires_grad_(False)
        self.name = name
        self._pad = pad
        self._tokenizer = tokenizer
        self._kept: OrderedDict[tuple[int, ...], Tensor] = OrderedDict()

    @classmethod
    def load(cls, name: str, *, language: str = "", device: str = "cpu") -> LatentEncoder:
        """The encoder of a translation model, from a folder or a hub id such as
        `facebook/nllb-200-distilled-600M`.

        Args:
            name: folder or id.
            language: of the texts, by the tokenizer's own code (`deu_Latn`).
            device: where it runs.

        Raises:
            ModelError: it cannot be fetched or read.
        """
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        try:
            more = {"src_lang": language} if language else {}
            tokenizer = AutoTokenizer.from_pretrained(name, **more)
            model = AutoModelForSeq2SeqLM.from_pretrained(name)
        except Exception as error:  # the hub's client and the libraries raise many types
            reason = " ".join(str(error).split())[:200]
            raise ModelError(
                f"cannot load the translation model {name} for flare-mt: {reason}; give the folder of a "
                "downloaded one, or choose another method"
            ) from None
        return cls(model.to(device), pad=int(tokenizer.pad_token_id), tokenizer=tokenizer, name=name)

    @property
    def size(self) -> int:
        """d_mt."""
        return int(self.encoder.config.d_model)

    def tokens(self, text: str) -> tuple[int, ...]:
        """The encoder's tokens of a text, with what its tokenizer puts around them.

        Raises:
            UsageError: it was made without a tokenizer.
        """
        if self._tokenizer is None:
            raise UsageError("this encoder has no tokenizer; make it with `LatentEncoder.load`")
        return tuple(self._tokenizer(text)["input_ids"])

    def states(self, texts: Sequence[Sequence[int]]) -> list[Tensor]:
        """Last states [S, d_mt] of texts in tokens; of one without tokens, none."""
        keys = [tuple(text) for text in texts]
        missing = [key for key in dict.fromkeys(keys) if key and key not in self._kept]
        found = dict(zip(missing, self._run(missing), strict=True)) if missing else {}
        for key in keys:
            if key in self._kept:
                found[key] = self._kept[key]
        empty = torch.zeros(0, self.size, device=next(self.encoder.parameters()).device)
        self._kept.update(found)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return [found[key] if key else empty for key in keys]

    @torch.inference_mode(False)  # what is kept here may train later, which inference tensors cannot
    @torch.no_grad()
    def _run(self, texts: Sequence[tuple[int, ...]]) -> list[Tensor]:
        device = next(self.encoder.parameters()).device
        longest = max(len(text) for text in texts)
        ids = torch.tensor([[*text, *[self._pad] * (longest - len(text))] for text in texts], device=device)
        lengths = torch.tensor([len(text) for text in texts], device=device)
        mask = (torch.arange(longest, device=device) < lengths[:, None]).long()
        states: Tensor = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return [one[: len(text)].clone() for one, text in zip(states, texts, strict=True)]
