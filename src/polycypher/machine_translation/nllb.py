"""`NllbTranslator`: NLLB-200 and its relatives through `transformers` (arXiv 2207.04672).

The model (M2M100's classes with NLLB's tokenizer) is loaded at the first text, so that a run whose texts are
all in the cache needs none. NLLB was trained on sentences: a text is translated line by line, and a line
longer than `longest` tokens in groups of its sentences. Knows nothing of quotation marks or caches.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from polycypher.errors import ModelError
from polycypher.machine_translation.languages import flores_code

_REMEDY = (
    "give a folder with the model (`nllb:FOLDER`), or, where no engine can be reached, a file of ready "
    "translations (`file:PATH`)"
)
_SENTENCE_END = re.compile(r"(?<=[.!?;…؟۔।])\s+|(?<=[。！？])")


class NllbTranslator:
    """A `MachineTranslator` by an NLLB model; beam search, so the same text always gives the same one."""

    def __init__(
        self,
        model: Path | str = "facebook/nllb-200-distilled-600M",
        *,
        device: str = "cpu",
        batch_size: int = 16,
        beams: int = 4,
        longest: int = 256,
    ) -> None:
        """Take note of the model; nothing is loaded yet.

        Args:
            model: a local folder or a name on the Hugging Face Hub.
            device: where it runs: `cpu`, `cuda`, …
            batch_size: lines translated at once.
            beams: of the beam search; 1 is greedy.
            longest: tokens of a piece of text, and of a translation.

        Raises:
            ModelError: `model` is a path and there is no such folder.
        """
        self._folder = Path(model).expanduser()
        if not self._folder.is_dir() and (isinstance(model, Path) or str(model).startswith(("/", ".", "~"))):
            raise ModelError(f"there is no model folder {model}; check the path, or {_REMEDY}")
        self._model_name = str(self._folder if self._folder.is_dir() else model)
        self._device, self._batch, self._beams, self._longest = device, batch_size, beams, longest

    @cached_property
    def name(self) -> str:
        """The model, a local folder's fingerprint (names, sizes and times of its files), and the search."""
        told = self._model_name
        if self._folder.is_dir():
            files = sorted(path for path in self._folder.iterdir() if path.is_file())
            marks = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
            told = f"{self._folder.resolve()}@{hashlib.sha256(repr(marks).encode()).hexdigest()[:16]}"
        return f"nllb:{told},beams={self._beams},longest={self._longest}"

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """The texts in another language, line by line; lines without a letter or digit stay as they are.

        Raises:
            ModelError: the model cannot be loaded, or does not know a language.
            UsageError: a code that is none, or a language that NLLB has not.
        """
        start = self._language(target)
        self._set_source(source)
        cut = [[self._pieces(line) for line in text.split("\n")] for text in texts]
        said = iter(self._generate([piece for lines in cut for line in lines for piece in line], start))
        made = []
        for text, lines in zip(texts, cut, strict=True):
            kept = zip(text.split("\n"), lines, strict=True)
            made.append(
                "\n".join(" ".join(next(said) for _ in pieces) if pieces else line for line, pieces in kept)
            )
        return made

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        """(model, tokenizer)."""
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
        from transformers.utils import logging as hub_logging

        hub_logging.set_verbosity_error()
        hub_logging.disable_progress_bar()
        try:
            tokenizer = AutoTokenizer.from_pretrained(self._model_name)
            model = AutoModelForSeq2SeqLM.from_pretrained(self._model_name)
        except (
            Exception
        ) as error:  # the hub's client, the network and the file readers raise types of their own
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise ModelError(
                f"cannot load the translation model {self._model_name} ({reason}); {_REMEDY}"
            ) from None
        return model.requires_grad_(False).eval().to(self._device), tokenizer

    def _language(self, tag: str) -> int:
        """The token id of a language."""
        code = flores_code(tag)
        tokenizer = self._parts[1]
        found = tokenizer.convert_tokens_to_ids(code)
        if found is None or found == tokenizer.unk_token_id:
            raise ModelError(
                f"the translation model {self._model_name} does not know the language '{tag}' ({code}); "
                f"{_REMEDY}"
            )
        return int(found)

    def _set_source(self, tag: str) -> None:
        self._language(tag)
        self._parts[1].src_lang = flores_code(tag)

    def _pieces(self, line: str) -> list[str]:
        """A line's sentences in groups of at most `longest` tokens; none of a line without a letter."""
        if not re.search(r"\w", line):
            return []
        if self._fits(line):
            return [line]
        groups: list[str] = []
        for sentence in _SENTENCE_END.split(line.strip()):
            if groups and self._fits(f"{groups[-1]} {sentence}"):
                groups[-1] = f"{groups[-1]} {sentence}"
            else:
                groups += [sentence] if self._fits(sentence) else self._halves(sentence)
        return groups

    def _halves(self, sentence: str) -> list[str]:
        """A sentence that is too long, cut in two at a blank until its parts fit."""
        words = sentence.split()
        if len(words) < 2 or self._fits(sentence):
            return [sentence]
        middle = len(words) // 2
        return [*self._halves(" ".join(words[:middle])), *self._halves(" ".join(words[middle:]))]

    def _fits(self, text: str) -> bool:
        return len(self._parts[1](text)["input_ids"]) <= self._longest

    def _generate(self, pieces: list[str], start: int) -> list[str]:
        """The pieces' translations; batches hold pieces of like length, as padding costs time."""
        import torch

        model, tokenizer = self._parts
        order = sorted(range(len(pieces)), key=lambda place: len(pieces[place]))
        made = [""] * len(pieces)
        for first in range(0, len(order), self._batch):
            places = order[first : first + self._batch]
            tokens = tokenizer(
                [pieces[place] for place in places],
                return_tensors="pt",
                padding=True,
                truncation=True,
                max_length=model.config.max_position_embeddings,
            ).to(self._device)
            with torch.inference_mode():
                said = model.generate(
                    **tokens,
                    forced_bos_token_id=start,
                    num_beams=self._beams,
                    do_sample=False,
                    max_new_tokens=self._longest,
                )
            for place, text in zip(
                places, tokenizer.batch_decode(said, skip_special_tokens=True), strict=True
            ):
                made[place] = text.strip()
        return made
