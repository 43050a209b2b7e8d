"""A further language: its own adapter, the older ones untouched, samples and minutes by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_study import FILMS, base_of, data_of, example, recipe_of

from polycypher.adapters.lora import WEIGHTS, LoraAdapter
from polycypher.errors import CorpusError, RecipeError, TrainingError
from polycypher.study import growth
from polycypher.study.data import make_data
from polycypher.study.gates import TrainedGate
from polycypher.study.growth import Further, fingerprints, grow, train_further
from polycypher.study.recipe import AdapterSettings
from polycypher.study.study import Study
from tiny_models import random_adapter, tiny_llama

RUN = {"rank": 4, "alpha": 8, "optimizer": "adamw", "precision": "no", "longest": 400}


def study_of(folder: Path, **changes: Any) -> Study:
    """A study in English and Spanish with random adapters in their folders; German is to come."""
    changes = {"growth": {"language": "de", "examples": 3}, "adapters": RUN, **changes}
    recipe = recipe_of(folder, **changes)
    german = [example(40 + n, en=f"A{n}?", es=f"B{n}?", de=f"Welcher Film {n}?") for n in range(5)]
    train = [*data_of(recipe).pool, *german]
    study = Study(recipe, make_data(recipe, train, [example(101)], {"films": FILMS}, {}), base_of())
    for seed, name in enumerate(("en", "es")):
        adapter = random_adapter(tiny_llama(), seed=seed, language=name)
        adapter.save(study.folder(name))
        study.adapters[name] = adapter
    return study


def test_a_further_language_leaves_the_others_alone(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    before = fingerprints(study.folder(name) for name in ("en", "es"))
    further = train_further(study)
    assert further.language == "de"
    assert [one.id for one in further.examples] == ["q40", "q41", "q42"]  # no more than the recipe's
    assert fingerprints(study.folder(name) for name in ("en", "es")) == before
    assert list(study.adapters) == ["en", "es", "de"]
    kept = LoraAdapter.load(study.folder("de"))
    assert (kept.language, kept.record["samples"]) == ("de", 3)


def test_an_adapter_that_changed_meanwhile_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_of(tmp_path)

    def careless(*_: object, **__: object) -> LoraAdapter:
        weights = study.folder("es") / WEIGHTS
        weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
        return random_adapter(tiny_llama())

    monkeypatch.setattr(growth, "train_adapter", careless)
    with pytest.raises(TrainingError, match=r"adapters/es was changed while 'de' was trained; restore it"):
        train_further(study)


def test_no_question_and_no_language_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no training example has a question in 'fi'"):
        train_further(study_of(tmp_path, growth={"language": "fi", "examples": 3}))
    with pytest.raises(RecipeError, match="add `growth`"):
        train_further(study_of(tmp_path, growth=None))


def test_a_fingerprint_is_of_the_weights(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        random_adapter(tiny_llama(), seed=seed).save(tmp_path / name)
    found = fingerprints(tmp_path / name for name in "abc")
    a, b, c = (found[str(tmp_path / name)] for name in "abc")
    assert a == b != c


def recorded(name: str, samples: int, minutes: float) -> LoraAdapter:
    record = {"run": name, "samples": samples, "minutes": minutes}
    return LoraAdapter({}, 4, 8.0, language=name, record=record)


@pytest.fixture
def grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Study, list[list[str]]]:
    """A study whose costs are known, and the languages that gates were trained over."""
    study = study_of(tmp_path)
    study.adapters = {
        "en": recorded("en", 100, 4.0),
        "es": recorded("es", 120, 5.0),
        "joint": recorded("joint", 220, 11.0),
        "de": recorded("de", 30, 1.5),
    }
    made: list[list[str]] = []

    def gate(_: Study, runner: object, places: object, codes: list[str], further: object) -> TrainedGate:
        made.append(list(codes))
        gate: Any = None
        return TrainedGate(gate, {"key": "", "samples": 10 * len(codes), "minutes": 0.25 * len(codes)})

    monkeypatch.setattr(growth, "_gate", gate)
    monkeypatch.setattr(growth, "_scores", lambda *_: {})
    return study, made


def test_costs_by_hand(grown: tuple[Study, list[list[str]]]) -> None:
    study, made = grown
    nothing: Any = None
    german = Further("de", study.adapters["de"], ())
    steps = grow(study, nothing, {}, (), {}, german)
    told = [
        (step["languages"], step["joint_samples"], step["fusion_samples"], step["joint_minutes"],
         step["joint_minutes_measured"], step["fusion_minutes"])
        for step in steps
    ]  # fmt: skip
    assert told == [
        (["en"], 100, 100, 5.0, False, 4.0),  # joint by its rate of 0.05 minutes a sample; no gate for one
        (["en", "es"], 220, 120 + 20, 11.0, True, 5.0 + 0.5),
        (["en", "es", "de"], 250, 30 + 30, 12.5, False, 1.5 + 0.75),
    ]
    assert made == [["en", "es"], ["en", "es", "de"]]
    assert grow(study, nothing, {}, (), {}, german) == steps
    assert len(made) == 2  # read, not made again
    study.adapters["de"] = recorded("another run", 31, 1.5)
    assert grow(study, nothing, {}, (), {}, german)[-1]["joint_samples"] == 251


def test_settings_of_the_further_adapter_are_the_studys(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    train_further(study)
    settings = LoraAdapter.load(study.folder("de")).record["settings"]
    assert settings == AdapterSettings.model_validate(RUN).model_dump(mode="json")
