"""What the next language costs: an adapter and a new gate against training on everything again (Table 4).

The languages of the study arrive one by one, then the recipe's further one. For each step: the samples
and minutes of fusion and of joint training, and what the fused adapters score in the languages so far.
Old adapters are read, never written: their files are compared before and after. Knows nothing of how the
table looks.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polycypher.adapters.lora import WEIGHTS, LoraAdapter
from polycypher.adapters.train.loop import Watch, train_adapter
from polycypher.corpus.example import Example
from polycypher.errors import CorpusError, RecipeError, TrainingError
from polycypher.evaluation import evaluate
from polycypher.evaluation.execute import Executor
from polycypher.fusion.gate_training import GateItem, collect
from polycypher.fusion.runner import Runner
from polycypher.study.files import read_kept, write_json
from polycypher.study.gates import TrainedGate, gate_config, items_of, kept_gate, train_and_save
from polycypher.study.measure import scores
from polycypher.study.methods import Method
from polycypher.study.predict import questions_of
from polycypher.study.progress import steps_on
from polycypher.study.study import Study
from polycypher.study.train import JOINT, identity, rows_of


@dataclass(frozen=True, slots=True)
class Further:
    """The further language: its adapter and its gate examples."""

    language: str
    adapter: LoraAdapter
    examples: tuple[Example, ...]


def train_further(study: Study) -> Further:
    """Train the adapter of the recipe's further language on its examples in the training files.

    Raises:
        RecipeError: the recipe names no further language.
        CorpusError: the corpus has no example in it.
        TrainingError: as for `train_adapter`, or an older adapter's file was changed meanwhile.
    """
    part = study.recipe.growth
    if part is None:
        raise RecipeError("the recipe names no further language; add `growth`")
    code = part.language
    known = [example for example in study.data.pool if code in example.questions][: part.examples]
    if not known:
        raise CorpusError(
            f"no training example has a question in '{code}'; add some, or change `growth.language`"
        )
    before = fingerprints(study.folder(name) for name in study.adapters)
    with steps_on(study.bar, f"adapter {code}") as step:
        adapter = train_adapter(
            study.base.model,
            rows_of(study.base, study.data, [(example, code) for example in known]),
            study.recipe.adapters,
            study.folder(code),
            identity=identity(study.base, code),
            seed=study.recipe.seed,
            watch=Watch(step),
        )
    after = fingerprints(study.folder(name) for name in study.adapters)
    if changed := [folder for folder in before if before[folder] != after[folder]]:
        raise TrainingError(
            f"the adapter in {changed[0]} was changed while '{code}' was trained; restore it and run again"
        )
    study.adapters[code] = adapter
    return Further(code, adapter, tuple(known))


def fingerprints(folders: Iterable[Path]) -> dict[str, str]:
    """Folder → SHA-256 of the adapter's weights in it."""
    return {str(folder): hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest() for folder in folders}


def grow(
    study: Study,
    runner: Runner,
    places: Mapping[str, int],
    examples: Sequence[Example],
    graphs: Mapping[str, Executor],
    further: Further | None,
) -> list[dict[str, Any]]:
    """A record a step, for the 1st … nth language.

    Args:
        study: with the adapters of all languages and the joint one.
        runner, places: base and stacked adapters.
        examples: the test examples whose gold queries were checked (`measure.check_gold`).
        graphs: where their queries run.
        further: the recipe's further language, if it has one.

    Raises:
        TrainingError: a gate's loss is no number, a full disk.
    """
    recipe = study.recipe
    codes = [*recipe.languages, *([further.language] if further else [])]
    path = recipe.folder / "growth.json"
    key = study.key(
        "growth", codes, recipe.gate.model_dump(mode="json"), [study.made_by(code) for code in codes]
    )
    if (kept := read_kept(path, key)) is not None:
        return list(kept["steps"])
    joint = study.adapters[JOINT].record
    rate = float(joint["minutes"]) / int(joint["samples"])
    steps, samples, minutes = [], 0, 0.0
    joint_samples = 0
    for count, code in enumerate(codes, 1):
        record = study.adapters[code].record
        joint_samples += int(record["samples"])
        samples, minutes = int(record["samples"]), float(record["minutes"])
        gate = None
        if count > 1:
            gate = _gate(study, runner, places, codes[:count], further)
            samples += gate.cost["samples"]
            minutes += gate.cost["minutes"]
        measured = count == len(recipe.languages)
        steps.append(
            {
                "languages": codes[:count],
                "joint_samples": joint_samples,
                "fusion_samples": samples,
                # Joint training was run for the study's languages; for fewer or more, by its samples.
                "joint_minutes": round(joint["minutes"] if measured else rate * joint_samples, 3),
                "joint_minutes_measured": measured,
                "fusion_minutes": round(minutes, 3),
                "scores": _scores(study, runner, places, codes[:count], gate, examples, graphs),
            }
        )
    write_json(path, {"key": key, "steps": steps})
    return steps


def _gate(
    study: Study,
    runner: Runner,
    places: Mapping[str, int],
    codes: Sequence[str],
    further: Further | None,
) -> TrainedGate:
    """The gate over the first languages, each with as many questions as it has, up to the recipe's."""
    part = study.recipe.gate
    config = gate_config(study.base, len(codes), part.kinds[0])
    folder = study.recipe.folder / "gates" / "-".join(codes)
    key = study.key(
        "growth gate", list(codes), part.model_dump(mode="json"), [study.made_by(c) for c in codes]
    )
    if (kept := kept_gate(folder, key)) is not None:
        return kept
    items: list[GateItem] = []
    shared = study.data.split.gate(part.questions)
    for index, code in enumerate(codes):
        own = further.examples[: part.questions] if further and code == further.language else shared
        items += [
            GateItem(item.prompt, item.answer, index)
            for item in items_of(study.base, study.data, own, [code])
        ]
    items.sort(key=lambda item: item.prompt.prefix)
    began = time.monotonic()
    rows = Method("", tuple(codes)).weights(places).to(runner.device)
    with study.bar(f"gate of {len(codes)} languages", len(items)) as advance:
        (features,) = collect(
            runner, items, [config], weights=rows, batch=study.recipe.evaluation.batch, progress=advance
        )
    seconds = time.monotonic() - began
    return train_and_save(
        runner, config, features, part, folder, seed=study.recipe.seed, feature_seconds=seconds, key=key
    )


def _scores(
    study: Study,
    runner: Runner,
    places: Mapping[str, int],
    codes: Sequence[str],
    gate: TrainedGate | None,
    examples: Sequence[Example],
    graphs: Mapping[str, Executor],
) -> dict[str, Any]:
    """Language → measures of the adapters so far, fused by their gate."""
    asked = questions_of(study.base, study.data, study.data.test, codes)
    if not asked:
        return {}
    name = "growth-" + "-".join(codes)
    method = Method(name, tuple(codes), "gate" if gate else None)
    made = study.answers(method, runner, places, {"gate": gate} if gate else {}, asked)
    report = evaluate(made, examples, graphs)
    routed = {code: round(report.routing.get(code, {}).get(code, 0.0), 4) for code in codes} if gate else {}
    found = scores(report, codes)
    return {
        code: {
            **{name: found[code][name] for name in ("rouge_l", "execution_accuracy")},
            **({"routing": {"value": routed[code], "low": None, "high": None}} if gate else {}),
        }
        for code in codes
        if any(one.language == code for one in asked)
    }
