"""A whole bundle, tiny and untrained: loading checks that its parts belong together, and it translates."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from polycypher.adapters.lora import LoraAdapter
from polycypher.corpus.prompt import COMPACT
from polycypher.errors import AdapterError, BundleError, ModelError, SchemaError, UsageError
from polycypher.fusion.gate import Gate, GateConfig
from polycypher.fusion.storage import save_gate
from polycypher.schema import GraphSchema, Pattern
from polycypher.translator import translator as translator_module
from polycypher.translator.bundle import Manifest, fingerprint
from polycypher.translator.translator import LONGEST_QUESTION, Translator, check_question
from tiny_models import random_adapter, tiny_llama, tiny_tokenizer

LANGUAGES = ("en", "es", "tr")
SCHEMA = GraphSchema(
    {"Movie": {"title": "STRING", "released": "INTEGER"}, "Person": {"name": "STRING"}},
    {},
    (Pattern("Person", "DIRECTED", "Movie"),),
)
HIDDEN = 32


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of random weights; not to be changed."""
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    tokenizer = tiny_tokenizer()
    model = tiny_llama(vocabulary=len(tokenizer))
    model.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    found = fingerprint(folder / "base")
    for seed, language in enumerate(LANGUAGES):
        marks = {"prompt_hash": COMPACT.hash, "base_fingerprint": found}
        random_adapter(model, seed=seed, language=language, **marks).save(folder / "adapters" / language)
    torch.manual_seed(0)
    save_gate(Gate(GateConfig(adapters=3, embedding_size=HIDDEN, width=8)), folder / "gate")
    Manifest(
        name="tiny",
        base="base",
        base_fingerprint=found,
        languages={language: f"adapters/{language}" for language in LANGUAGES},
        prompt="compact",
        prompt_hash=COMPACT.hash,
        schema_tokens=120,
    ).save(folder)
    return folder


@pytest.fixture(scope="module")
def loaded(made: Path) -> Translator:
    """The bundle, loaded once."""
    return Translator.load(made)


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    """A copy of the bundle for a test to damage."""
    return Path(shutil.copytree(made, tmp_path / "own"))


@pytest.fixture(autouse=True)
def _short_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translator_module, "LONGEST_QUERY", 16)


def refusal(folder: Path, kind: type[Exception] = BundleError) -> str:
    with pytest.raises(kind) as caught:
        Translator.load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def edit_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


# ---------------------------------------------------------------------- loading


def other_weights(folder: Path) -> None:
    path = folder / "base" / "model.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "model.norm.weight": tensors["model.norm.weight"] + 1}, path, {"format": "pt"})


def other_prompt(folder: Path) -> None:
    edit_json(folder / "manifest.json", prompt_hash="0" * 16)


def gate_of_two(folder: Path) -> None:
    save_gate(Gate(GateConfig(adapters=2, embedding_size=HIDDEN)), folder / "gate")


def gate_of_another_base(folder: Path) -> None:
    save_gate(Gate(GateConfig(adapters=3, embedding_size=2 * HIDDEN)), folder / "gate")


def no_gate(folder: Path) -> None:
    shutil.rmtree(folder / "gate")


def no_base(folder: Path) -> None:
    shutil.rmtree(folder / "base")


def adapter_marked(**marks: str) -> Callable[[Path], None]:
    def mark(folder: Path) -> None:
        adapter = LoraAdapter.load(folder / "adapters" / "es")
        dataclasses.replace(adapter, **marks).save(folder / "adapters" / "es")

    return mark


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (other_weights, "base model in .* is another"),
        (other_prompt, "another prompt"),
        (gate_of_two, "mixes 2 adapters, the bundle has 3"),
        (gate_of_another_base, "gate .* base model of another size"),
        (no_gate, "gate .* missing or damaged"),
        (no_base, "base"),
        (adapter_marked(prompt_hash="0" * 16), "adapter 'es' .* another prompt"),
        (adapter_marked(base_fingerprint="0" * 16), "adapter 'es' .* another base model"),
        (lambda folder: (folder / "manifest.json").unlink(), "is no bundle"),
        (lambda folder: (folder / "base" / "config.json").write_text("{"), "config.json is damaged"),
    ],
)
def test_parts_that_do_not_belong_together(own: Path, damage: Callable[[Path], None], said: str) -> None:
    damage(own)
    assert re.search(said, refusal(own))


def test_adapters_without_marks_are_taken(own: Path) -> None:
    adapter_marked(prompt_hash="", base_fingerprint="")(own)
    assert Translator.load(own).languages == LANGUAGES


def test_an_adapter_that_is_missing(own: Path) -> None:
    shutil.rmtree(own / "adapters" / "tr")
    assert "adapters/tr" in refusal(own, AdapterError)


def test_base_weights_that_cannot_be_read(own: Path) -> None:
    path = own / "base" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:200])
    edit_json(own / "manifest.json", base_fingerprint=fingerprint(own / "base"))
    assert "cannot load the base model" in refusal(own, ModelError)


def test_a_base_outside_the_bundle(own: Path) -> None:
    (own / "base").rename(own.parent / "shared-base")
    edit_json(own / "manifest.json", base=str(own.parent / "shared-base"))
    assert Translator.load(own).languages == LANGUAGES


# ---------------------------------------------------------------------- translating


def test_weights_are_those_of_the_gate_in_the_manifest_s_order(loaded: Translator) -> None:
    translation = loaded.translate("Which films did Clint direct?", SCHEMA)
    assert tuple(translation.weights) == LANGUAGES
    assert sum(translation.weights.values()) == pytest.approx(1.0, abs=1e-5)
    assert min(translation.weights.values()) > 0
    assert translation.question == "Which films did Clint direct?"
    assert translation.gate_ms > 0
    assert translation.decode_ms > 0


def test_the_same_question_gives_the_same_query(loaded: Translator, made: Path) -> None:
    asked = "¿Qué películas dirigió Clint?", SCHEMA
    first = loaded.translate(*asked)
    loaded.translate("Another one?", SCHEMA)
    assert loaded.translate(*asked).cypher == first.cypher
    assert Translator.load(made).translate(*asked).cypher == first.cypher


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_by_name_takes_its_adapter_alone(loaded: Translator, language: str) -> None:
    weights = loaded.translate("How many?", SCHEMA, language=language).weights
    assert weights == {code: float(code == language) for code in LANGUAGES}


def test_a_language_without_adapter(loaded: Translator) -> None:
    with pytest.raises(UsageError, match="'de'; it has en, es, tr"):
        loaded.translate("Wie viele?", SCHEMA, language="de")


def test_a_query_that_is_cut_says_so(loaded: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translator_module, "LONGEST_QUERY", 3)
    translation = loaded.translate("How many?", SCHEMA)
    assert not translation.complete
    assert any("cut at 3 tokens" in notice for notice in translation.notices)


def test_a_constrained_query_begins_as_a_read_of_the_schema(loaded: Translator) -> None:
    query = loaded.translate("How many?", SCHEMA).cypher
    assert query.upper().startswith(("MATCH", "OPTIONAL", "UNWIND", "WITH", "RETURN", "CALL"))
    free = loaded.translate("How many?", SCHEMA, constrain=False).cypher
    assert not free.upper().startswith(("MATCH", "OPTIONAL", "UNWIND", "WITH", "RETURN", "CALL"))


def test_a_schema_that_is_too_large_is_cut_with_a_notice(loaded: Translator) -> None:
    many = GraphSchema(
        {**{f"Label{i}": {"some": "STRING"} for i in range(299)}, "Movie": {"title": "STRING"}}
    )
    translation = loaded.translate("Which movie?", many)
    assert any("of 300 labels left out" in notice for notice in translation.notices)


def test_an_empty_schema(loaded: Translator) -> None:
    with pytest.raises(SchemaError, match="empty"):
        loaded.translate("How many?", GraphSchema({}))


def test_a_translator_is_a_context(made: Path) -> None:
    with Translator.load(made) as translator:
        assert translator.manifest.name == "tiny"
    assert translator._decoder is None


# ---------------------------------------------------------------------- questions


@pytest.mark.parametrize("question", ["", "   ", "\n\t", "🎬🍿", "?!…", "\u200b\u200d", "\x00\x07", "\ud83d"])
def test_nothing_is_asked(loaded: Translator, question: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        loaded.translate(question, SCHEMA)


def test_a_question_that_is_too_long(loaded: Translator) -> None:
    with pytest.raises(UsageError, match="10000 characters; ask in at most 2000") as caught:
        loaded.translate("a" * 10_000, SCHEMA)
    assert len(str(caught.value)) < 200
    assert check_question("a" * LONGEST_QUESTION) == "a" * LONGEST_QUESTION


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("  Who\tdirected\r\nTop Gun?\x00 ", "Who directed Top Gun?"),
        ("Who\x1b[31m directed?", "Who [31m directed?"),
        ("que\u0301?", "qu\u00e9?"),
        ("İstanbul'da kaç film çekildi?", "İstanbul'da kaç film çekildi?"),
        ("有多少部电影？", "有多少部电影？"),
        ("how\u2028many\u2029?", "how many ?"),
        ("films 🎬 of 1999", "films 🎬 of 1999"),
        ("7", "7"),
        ("left \ud83d over", "left over"),
    ],
)
def test_a_question_becomes_one_clean_line(question: str, asked: str) -> None:
    assert check_question(question) == asked


@given(st.text(max_size=100))
def test_checking_twice_changes_nothing(question: str) -> None:
    try:
        asked = check_question(question)
    except UsageError:
        return
    assert check_question(asked) == asked
    assert asked.isprintable() or any(ord(c) > 127 for c in asked)
    assert not any(ord(c) < 32 for c in asked)
    asked.encode("utf-8")
