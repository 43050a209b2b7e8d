"""Weights read without `transformers` give what `transformers` gives."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from polycypher.fusion.lean import LeanLlama
from polycypher.fusion.llama import LlamaWeights, is_plain_llama
from polycypher.fusion.stacked import StackedAdapter
from tiny_models import random_adapters, random_ids

IDS = random_ids(2, 9)
SIZES: dict[str, Any] = {
    "vocab_size": 96,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "initializer_range": 0.25,
}


@pytest.mark.parametrize(
    "changes",
    [
        {"num_key_value_heads": 4},
        {"num_key_value_heads": 2, "tie_word_embeddings": True},
        {
            "num_key_value_heads": 1,
            "head_dim": 16,
            "rope_parameters": {"rope_type": "default", "rope_theta": 3e4},
        },
    ],
)
@pytest.mark.parametrize("shard", ["5GB", "10KB"])
def test_the_logits_are_the_same(changes: dict[str, Any], shard: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SIZES, **changes)).eval().requires_grad_(False)
    model.save_pretrained(tmp_path, max_shard_size=shard)
    assert is_plain_llama(tmp_path)
    weights = LlamaWeights.load(tmp_path, device="cpu", dtype=torch.float32)
    adapters = random_adapters(model, 2)
    stacked, reference = StackedAdapter(weights, adapters), StackedAdapter(model, adapters)
    lean = LeanLlama(weights, stacked)
    rows = torch.tensor([[1.0, 0.0], [0.4, 0.6]])
    stacked.set_weights(rows)
    reference.set_weights(rows)
    with torch.inference_mode():
        expected = model(input_ids=IDS).logits
        hidden = lean.forward(IDS, torch.arange(9).expand(2, -1), lean.room(2, 9), None)
        found = weights.lm_head(hidden)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": "mistral"},
        {"hidden_act": "gelu"},
        {"attention_bias": True},
        {"mlp_bias": True},
        {"rope_parameters": {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0}},
        {"rope_parameters": None},
        {"quantization_config": {"bits": 4}},
    ],
)
def test_other_models_are_left_to_transformers(changes: dict[str, Any], tmp_path: Path) -> None:
    plain = {"model_type": "llama", "rope_parameters": {"rope_type": "default", "rope_theta": 1e4}}
    for config, expected in ((plain, True), ({**plain, **changes}, False)):
        (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
        assert is_plain_llama(tmp_path) is expected


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_no_configuration(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text, encoding="utf-8")
    assert not is_plain_llama(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_hidden_layers": 3}, "model.layers.2.input_layernorm is missing"),
        ({"num_hidden_layers": 1}, "model.layers.1.[a-z_.]+ belongs to no part"),
        ({"vocab_size": 97}, r"embed_tokens is of size \(96, 32\), not \(97, 32\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    LlamaForCausalLM(LlamaConfig(**SIZES)).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps({**config, **changes}), encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        LlamaWeights.load(tmp_path, device="cpu", dtype=torch.float32)


def test_the_shipped_model_answers_without_modelling_code() -> None:
    """What makes the first question quick."""
    program = (
        "import sys\n"
        "from polycypher.schema import GraphSchema\n"
        "from polycypher.translator.translator import Translator\n"
        "made = Translator.load('nano').translate('Which movies are there?', GraphSchema({'Movie': {}}))\n"
        "assert made.cypher.startswith('MATCH'), made\n"
        "assert 'transformers.modeling_utils' not in sys.modules\n"
        "assert 'transformers.models.auto' not in sys.modules\n"
        "assert 'peft' not in sys.modules\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
