"""A language more for the shipped bundle: its old adapters stay, the new bundle answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from polycypher.adapters.lora import WEIGHTS
from polycypher.corpus.example import Example
from polycypher.errors import BundleError, CorpusError
from polycypher.schema import GraphSchema
from polycypher.study.extend import COST, NANO_ADAPTER, add_language
from polycypher.study.recipe import GatePart
from polycypher.synthesis import demo_world, synthesise
from polycypher.translator.bundle import Manifest, find_bundle
from polycypher.translator.translator import Translator

CODES = ("en", "es", "tr", "de")
SHORT = NANO_ADAPTER.model_copy(update={"epochs": 1})
FEW = GatePart(questions=6, epochs=1)


@pytest.fixture(scope="module")
def world() -> tuple[list[Example], dict[str, GraphSchema]]:
    schema, lexicon, values = demo_world()
    made = synthesise(schema, lexicon, values, languages=CODES, count=24, seed=5, database="demo")
    return made, {"demo": schema}


def extend(
    world: tuple[Sequence[Example], dict[str, GraphSchema]],
    out: Path,
    language: str = "de",
    model: str = "nano",
) -> None:
    add_language(model, language, *world, out, settings=SHORT, gate=FEW)


def test_the_new_bundle_has_the_language_and_the_old_adapters_bit_for_bit(
    world: tuple[list[Example], dict[str, GraphSchema]], tmp_path: Path
) -> None:
    examples, schemas = world
    made = add_language(
        "nano", "de", examples, schemas, tmp_path / "four", held_out=examples[:4], settings=SHORT, gate=FEW
    )
    old, new = find_bundle("nano"), tmp_path / "four"
    for code, place in Manifest.load(old).languages.items():
        assert (old / place / WEIGHTS).read_bytes() == (new / place / WEIGHTS).read_bytes(), code
    assert list(Manifest.load(new).languages) == list(CODES)
    assert made.adapter_samples == 20  # without what is held out
    assert made.gate_samples == dict.fromkeys(CODES, 6)
    assert made.joint_samples == 4 * 20
    assert json.loads((new / COST).read_text(encoding="utf-8"))["fusion_samples"] == 20 + 24
    with Translator.load(new) as translator:
        answer = translator.translate(examples[0].questions["de"], schemas["demo"])
        assert set(answer.weights) == set(CODES)
        assert answer.cypher.startswith(("MATCH", "RETURN", "OPTIONAL"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["four"]


def test_what_cannot_be_added_is_refused_early(
    world: tuple[list[Example], dict[str, GraphSchema]], tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match="'es' already"):
        extend(world, tmp_path / "out", "es")
    with pytest.raises(CorpusError, match="no language code"):
        extend(world, tmp_path / "out", "Deutsch!")
    with pytest.raises(CorpusError, match="question in 'fr'"):
        extend(world, tmp_path / "out", "fr")
    (tmp_path / "there").mkdir()
    with pytest.raises(BundleError, match="exists"):
        extend(world, tmp_path / "there")
    only_german = [Example(e.id, e.database, {"de": e.questions["de"]}, e.cypher) for e in world[0]]
    with pytest.raises(CorpusError, match="in 'en'; the gate needs questions in every language"):
        extend((only_german, world[1]), tmp_path / "out")
    assert not (tmp_path / "out").exists()
