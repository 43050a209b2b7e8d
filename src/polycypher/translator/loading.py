"""Loading a bundle's parts and checking that they belong together. Knows nothing of questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from polycypher.adapters.lora import LoraAdapter
from polycypher.corpus.prompt import PromptTemplate, template_named
from polycypher.errors import BundleError, ModelError, UsageError
from polycypher.fusion.fused import FusedDecoder
from polycypher.fusion.gate import Gate
from polycypher.fusion.stacked import StackedAdapter
from polycypher.fusion.storage import load_gate
from polycypher.translator.bundle import Manifest, find_bundle, fingerprint

SMALL = 30_000_000
"""Parameters; below, the operations are too small to share between threads: on a busy machine threads that
wait for each other made a question a hundred times slower, on an idle one they gain nothing."""


def load_base(folder: Path, *, device: str = "cpu", dtype: str | None = None) -> tuple[Any, Any]:
    """(model, tokenizer) of a Hugging Face folder, in float32 on a CPU and bfloat16 elsewhere, or in `dtype`.

    Raises:
        ModelError: the files cannot be read.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as hub_logging

    hub_logging.set_verbosity_error()
    hub_logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=_dtype(device, dtype), local_files_only=True, use_safetensors=True
        )
    except Exception as error:  # the libraries raise many types for a damaged file
        raise _unreadable(folder, error) from None
    if device == "cpu" and model.num_parameters() < SMALL:
        torch.set_num_threads(1)
    model.requires_grad_(False)
    return model.eval().to(device), tokenizer


def load_to_answer(folder: Path, *, device: str = "cpu", dtype: str | None = None) -> tuple[Any, Any]:
    """(model, tokenizer) as `load_base` gives them, but to answer questions only.

    Where the folder holds a plain Llama and a tokenizer of the `tokenizers` library, that saves the seconds
    that modelling code takes to import.

    Raises:
        ModelError: the files cannot be read.
    """
    from polycypher.fusion.llama import LlamaWeights, is_plain_llama

    if not (is_plain_llama(folder) and _has_plain_tokenizer(folder)):
        return load_base(folder, device=device, dtype=dtype)
    import torch
    from transformers import PreTrainedTokenizerFast

    try:
        model = LlamaWeights.load(folder, device=device, dtype=_dtype(device, dtype))
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # the libraries raise many types for a damaged file
        raise _unreadable(folder, error) from None
    if device == "cpu" and sum(weight.numel() for weight in model.parameters()) < SMALL:
        torch.set_num_threads(1)
    return model, tokenizer


def _has_plain_tokenizer(folder: Path) -> bool:
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        return config.get("tokenizer_class") in ("TokenizersBackend", "PreTrainedTokenizerFast")
    except (OSError, ValueError, AttributeError):
        return False


def _dtype(device: str, dtype: str | None) -> Any:
    import torch

    return getattr(torch, dtype or ("float32" if device == "cpu" else "bfloat16"))


def _unreadable(folder: Path, error: Exception) -> ModelError:
    reason = " ".join(str(error).split())[:200]
    return ModelError(f"cannot load the base model in {folder}: {reason}; copy the bundle again")


def load_parts(
    folder: Path, manifest: Manifest, device: str, dtype: str | None = None
) -> tuple[Any, FusedDecoder, PromptTemplate]:
    """Tokenizer, decoder and prompt template of a bundle.

    Raises:
        BundleError: the base's fingerprint, the prompt's hash or the gate's size is another than the
            manifest's or the adapters'.
        AdapterError: an adapter cannot be used.
        ModelError: the base cannot be read.
    """
    base = folder / manifest.base if (folder / manifest.base).is_dir() else find_bundle(manifest.base)
    found = fingerprint(base)
    if found != manifest.base_fingerprint:
        raise BundleError(
            f"the base model in {base} is another ({found}) than the bundle was made for "
            f"({manifest.base_fingerprint}); copy the bundle again"
        )
    model, tokenizer = load_to_answer(base, device=device, dtype=dtype)
    if tokenizer.eos_token_id is None:
        raise BundleError(f"the tokenizer in {base} has no end token; set `eos_token` there")
    try:
        template = template_named(manifest.prompt, tokenizer)
    except UsageError as error:
        raise BundleError(f"the bundle in {folder}: {error}") from None
    if template.hash != manifest.prompt_hash:
        raise BundleError(
            f"the bundle in {folder} was trained with another prompt ({manifest.prompt_hash}) than this "
            f"version writes ({template.hash}); train it again or use the version it was made with"
        )
    adapters = []
    for language, place in manifest.languages.items():
        adapter = LoraAdapter.load(folder / place)
        for own, expected, what in (
            (adapter.prompt_hash, template.hash, "prompt"),
            (adapter.base_fingerprint, found, "base model"),
        ):
            if own and own != expected:
                raise BundleError(
                    f"the adapter '{language}' in {folder / place} was trained with another {what}"
                )
        adapters.append(adapter)
    stacked = StackedAdapter(model, adapters)
    gate, early = (
        _gate(folder / place, len(adapters), model.config.hidden_size).to(device) if place else None
        for place in (manifest.gate, manifest.early)
    )
    decoder = FusedDecoder(model, stacked, gate, end=int(tokenizer.eos_token_id), early=early)
    return tokenizer, decoder, template


def _gate(folder: Path, adapters: int, hidden: int) -> Gate:
    gate = load_gate(folder)
    if gate.config.adapters != adapters:
        raise BundleError(
            f"the gate in {folder} mixes {gate.config.adapters} adapters, the bundle has {adapters}"
        )
    if gate.config.embedding_size != hidden:
        raise BundleError(
            f"the gate in {folder} was trained on a base model of another size; copy the bundle again"
        )
    return gate
