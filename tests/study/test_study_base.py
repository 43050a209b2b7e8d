"""The study's base: found, trained or made small; its sizes without its weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from small_study import recipe_of

from polycypher.errors import ModelError, RecipeError
from polycypher.study import base as bases
from polycypher.study import processes
from polycypher.study.base import TINY, architecture, open_base

SIZES = {
    "vocab_size": 128_256,
    "hidden_size": 4096,
    "intermediate_size": 14_336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "tie_word_embeddings": False,
}
TEXTS = ["Movie(title)", "Which film?", "¿Qué película?", "MATCH (m:Movie) RETURN m.title"] * 3
NANO = Path(__file__).parents[2] / "recipes" / "nano-base.yaml"


def test_sizes_come_from_the_recipe_or_from_nanos(tmp_path: Path) -> None:
    assert architecture(recipe_of(tmp_path, base={"model": "a/b", "architecture": SIZES})) == SIZES
    nano = architecture(recipe_of(tmp_path, base={"recipe": NANO}))
    assert (nano["hidden_size"], nano["num_hidden_layers"], nano["tie_word_embeddings"]) == (256, 5, True)
    with pytest.raises(RecipeError, match=r"add `base\.architecture`"):
        architecture(recipe_of(tmp_path))


def test_a_tiny_base_keeps_the_architecture(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, base={"model": "a/b", "architecture": SIZES}, prompt="paper")
    base = open_base(recipe, tiny_texts=TEXTS)
    config = base.model.config
    assert (config.hidden_size, config.num_hidden_layers) == (TINY["hidden_size"], TINY["num_hidden_layers"])
    assert config.num_attention_heads // config.num_key_value_heads == 4  # as 32 to 8
    assert config.tie_word_embeddings is False
    assert config.vocab_size == len(base.tokenizer)
    assert "Cypher output:" in base.template.tail
    assert base.folder == tmp_path / "base"
    again = open_base(recipe, tiny_texts=["something else"])
    assert again.fingerprint == base.fingerprint  # it is read, not made again
    for name, weight in base.model.state_dict().items():
        assert torch.equal(weight, again.model.state_dict()[name])


def test_a_tiny_base_that_was_cut_short_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import LlamaForCausalLM

    recipe = recipe_of(tmp_path, base={"model": "a/b", "architecture": SIZES})

    def killed(model: object, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.safetensors").write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(LlamaForCausalLM, "save_pretrained", killed)
        with pytest.raises(KeyboardInterrupt):
            open_base(recipe, tiny_texts=TEXTS)
    assert open_base(recipe, tiny_texts=TEXTS).model.num_parameters() > 0
    assert [path.name for path in tmp_path.iterdir()] == ["base"]


def test_several_processes_do_not_train_nanos_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = NANO.read_text(encoding="utf-8").replace("folder: ../runs", f"folder: {tmp_path}")
    (tmp_path / "nano.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(processes, "is_only", lambda: False)
    with pytest.raises(ModelError, match="run the study once without `accelerate launch`"):
        open_base(recipe_of(tmp_path, base={"recipe": tmp_path / "nano.yaml"}))


def test_a_base_out_of_reach_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def offline(*_: object, **__: object) -> None:
        raise OSError("no network\nat all")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(ModelError, match=r"owner/base: no network at all; .* --tiny") as refused:
        open_base(recipe_of(tmp_path))
    assert "\n" not in str(refused.value)


def test_a_folder_is_its_own_base(tmp_path: Path) -> None:
    assert bases._fetched(str(tmp_path)) == tmp_path
