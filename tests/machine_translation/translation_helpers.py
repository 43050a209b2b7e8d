"""Engines for tests: one that says what it was asked, and a tiny random NLLB in a folder."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from pathlib import Path


class Spoken:
    """A translator that applies a function to each text and keeps what it was asked."""

    def __init__(self, say: Callable[[str], str] = str.upper, name: str = "spoken") -> None:
        self.name = name
        self.asked: list[list[str]] = []
        self._say = say

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        self.asked.append(list(texts))
        return [f"{self._say(text)}" for text in texts]


def save_tiny_nllb(folder: Path, *, longest: int = 64) -> Path:
    """Random weights in M2M100's classes, and NLLB's tokenizer over letters with all its languages."""
    import torch
    from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

    letters = ["<s>", "<pad>", "</s>", "<unk>", "▁", *string.ascii_letters, *string.digits, *".?!,'\"çñüéß¿"]
    tokenizer = NllbTokenizer(vocab={letter: number for number, letter in enumerate(letters)}, merges=[])
    torch.manual_seed(0)
    config = M2M100Config(
        vocab_size=len(tokenizer),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=longest,
        init_std=0.5,
        tie_word_embeddings=False,
        dropout=0.0,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=2,
    )
    model = M2M100ForConditionalGeneration(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "attn" in name and name.endswith("weight"):
                weight.mul_(4)  # so that what is said depends on the text
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
