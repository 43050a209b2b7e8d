"""The study's base model: a folder, a hub id, nano's own recipe, or a tiny random model of its architecture.

Knows nothing of adapters or corpora beyond the texts a tiny tokenizer is trained on.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from polycypher.adapters.train.four_bit import load_four_bit
from polycypher.corpus.prompt import PromptTemplate, template_named
from polycypher.errors import ModelError, RecipeError
from polycypher.nano.pretrain import train_base
from polycypher.nano.recipe import NanoRecipe
from polycypher.nano.tokenizer import train_tokenizer
from polycypher.study import processes
from polycypher.study.recipe import StudyRecipe
from polycypher.translator.bundle import fingerprint
from polycypher.translator.loading import load_base
from polycypher.translator.prompts import PromptMaker

TINY = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
"""Sizes of the shrunk model; what else an architecture says is kept."""
_CHAT = (
    "{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{{ message['content'] }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
"""The form of Llama 3's messages, for a tokenizer that has no template of its own."""


@dataclass(frozen=True, slots=True)
class Base:
    """A loaded base model, its folder and fingerprint, and how questions become its prompts."""

    model: Any
    tokenizer: Any
    folder: Path
    fingerprint: str
    maker: PromptMaker

    @property
    def template(self) -> PromptTemplate:
        """The prompt's frame."""
        return self.maker.template


def open_base(
    recipe: StudyRecipe,
    *,
    tiny_texts: Iterable[str] | None = None,
    report: Callable[[Mapping[str, Any]], None] = lambda record: None,
) -> Base:
    """Load a recipe's base; one of nano's is trained first if it is not there yet.

    With `tiny_texts`, a random model of the base's architecture, shrunk, stands for it, and its tokenizer
    is trained on these texts.

    Raises:
        ModelError: the model cannot be fetched or read, or one of nano's is missing where several processes
            run: training it knows only one.
        RecipeError: a tiny run of a base whose architecture the recipe does not name.
        TrainingError: the recipe wants the base in 4 bits, which cannot run here.
    """
    if tiny_texts is not None:
        with processes.first_alone():
            folder = _tiny(recipe, tiny_texts)
    elif recipe.base.recipe is not None:
        folder = _nano(recipe.base.recipe, report)
    else:
        folder = _fetched(str(recipe.base.model))  # the hub's client locks what it writes
    model, tokenizer = load_base(folder, device="cuda" if torch.cuda.is_available() else "cpu")
    if recipe.adapters.four_bit:  # for training; answers are measured on the base as it is
        del model
        model = load_four_bit(folder)
    torch.set_num_threads(processes.cores())
    template = template_named(recipe.prompt, tokenizer)
    maker = PromptMaker(tokenizer, template, recipe.schema_tokens)
    return Base(model, tokenizer, folder, fingerprint(folder), maker)


def architecture(recipe: StudyRecipe) -> dict[str, Any]:
    """The sizes of a recipe's base as `LlamaConfig` takes them, without reading weights.

    Raises:
        RecipeError: the recipe does not name them.
    """
    if recipe.base.architecture:
        return dict(recipe.base.architecture)
    if recipe.base.recipe is not None:
        sizes = NanoRecipe.from_file(recipe.base.recipe).sizes
        return {
            "vocab_size": sizes.vocabulary,
            "hidden_size": sizes.hidden,
            "num_hidden_layers": sizes.layers,
            "num_attention_heads": sizes.heads,
            "num_key_value_heads": sizes.heads,
            "intermediate_size": sizes.intermediate,
            "tie_word_embeddings": True,
        }
    raise RecipeError("the recipe does not say its base's sizes; add `base.architecture`")


def _nano(recipe: Path, report: Callable[[Mapping[str, Any]], None]) -> Path:
    nano = NanoRecipe.from_file(recipe)
    folder = nano.folder / "base"
    if not (folder / "model.safetensors").exists():
        if not processes.is_only():
            raise ModelError(
                f"the base of {recipe} is not trained yet, and one process must do it: run the study once "
                "without `accelerate launch`"
            )
        train_base(nano, report=report)
    return folder


def _tiny(recipe: StudyRecipe, texts: Iterable[str]) -> Path:
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = recipe.folder / "base"
    if (folder / "model.safetensors").exists():
        return folder
    sizes = architecture(recipe)
    groups = max(
        1, sizes["num_attention_heads"] // sizes.get("num_key_value_heads", sizes["num_attention_heads"])
    )
    tokenizer = train_tokenizer(texts, vocabulary=512)
    if recipe.prompt == "paper":
        tokenizer.chat_template = _CHAT
    shrunk = {
        **sizes,
        **TINY,
        "num_key_value_heads": max(1, TINY["num_attention_heads"] // groups),
        "head_dim": TINY["hidden_size"] // TINY["num_attention_heads"],
        "vocab_size": len(tokenizer),
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    torch.manual_seed(recipe.seed)
    model = LlamaForCausalLM(LlamaConfig(**shrunk))
    # Under a name of its own first: a kill must not leave a half-written model that looks finished.
    unfinished = folder.with_name("base.partial")
    tokenizer.save_pretrained(unfinished)
    model.save_pretrained(unfinished)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(unfinished, folder)
    return folder


def _fetched(model: str) -> Path:
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(model, allow_patterns=["*.json", "*.safetensors", "*.model", "*.jinja"])
        )
    except Exception as error:  # the hub's client raises many types
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"cannot fetch the base model {model}: {reason}; check the name and the network, "
            "or run with --tiny"
        ) from None
