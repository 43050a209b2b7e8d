"""FLARE-MT's encoder: frozen, padded without harm, and run once for a text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from flare_helpers import flared, tiny_encoder

from polycypher.errors import ModelError, UsageError
from polycypher.flare.encoder import LatentEncoder


def test_a_batch_is_its_texts_alone() -> None:
    texts = [(5, 6, 7, 8, 2), (9, 2), ()]
    together = tiny_encoder().states(texts)
    assert [tuple(one.shape) for one in together] == [(5, 16), (2, 16), (0, 16)]
    for text, found in zip(texts[:2], together, strict=False):
        (alone,) = tiny_encoder().states([text])
        assert torch.allclose(found, alone, atol=1e-5)


def test_a_text_runs_once() -> None:
    encoder = tiny_encoder()
    calls = []
    encoder.encoder.register_forward_hook(lambda module, inputs, output: calls.append(1))
    first = encoder.states([(5, 6), (7,), (5, 6)])
    again = encoder.states([(7,), (5, 6)])
    assert len(calls) == 1
    assert torch.equal(first[0], again[1])


def test_states_of_decoding_can_train() -> None:
    encoder = tiny_encoder()
    with torch.inference_mode():
        (states,) = encoder.states([(5, 6)])
    assert not states.is_inference()
    assert not any(weight.requires_grad for weight in encoder.encoder.parameters())


def test_every_layer_has_the_bridged_states() -> None:
    """A s with s = W h + b, the same s for all."""
    encoder = tiny_encoder()
    with flared("add", encoder=encoder) as model, torch.no_grad():
        (states,) = encoder.states([(5, 6, 2)])
        assert model.bridge is not None
        s = states @ model.bridge.weight.T + model.bridge.bias
        low = model.down_latent(states[None])
        assert len(low) == len(model.layers) == 4
        for layer in model.layers:
            assert torch.allclose(low[str(layer.name)][0], s @ layer.a.T, atol=1e-5)


def test_texts_need_a_tokenizer() -> None:
    with pytest.raises(UsageError, match="no tokenizer"):
        tiny_encoder().tokens("Hallo")

    def tokenizer(text: str) -> dict[str, Any]:
        return {"input_ids": [len(text), 2]}

    whole = LatentEncoder(tiny_encoder().encoder, pad=1, tokenizer=tokenizer)
    assert whole.tokens("Hallo") == (5, 2)


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot load the translation model"):
        LatentEncoder.load(str(tmp_path / "nllb"))
