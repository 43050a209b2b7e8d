"""The whole experiment, stage by stage; what is finished is kept, what was interrupted goes on.

base → adapters (each language, joint, English only) → the further language → merges → gates → answers →
ablations → growth → results. Knows nothing of how the report looks.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from polycypher.adapters.train.folder import read_log
from polycypher.corpus.example import Example
from polycypher.errors import RecipeError
from polycypher.evaluation import Report, evaluate
from polycypher.fusion.runner import Runner
from polycypher.study import processes
from polycypher.study.ablations import ablate
from polycypher.study.examples import example_weights
from polycypher.study.files import read_kept, write_json
from polycypher.study.gates import TrainedGate, gate_config, items_of
from polycypher.study.growth import grow, train_further
from polycypher.study.measure import check_gold, differences, open_graphs, routing, scores
from polycypher.study.methods import Method, Mixing, methods
from polycypher.study.predict import questions_of
from polycypher.study.progress import Bar, quiet
from polycypher.study.recipe import StudyRecipe
from polycypher.study.study import Study
from polycypher.study.train import ENGLISH, JOINT, trained_names


def run_study(
    recipe: StudyRecipe,
    *,
    tiny: bool = False,
    bar: Bar = quiet,
    report: Callable[[Mapping[str, Any]], None] = lambda record: None,
    provenance: Mapping[str, Any] | None = None,
) -> dict[str, Any] | None:
    """Run a study, or what is missing of it; returns what it wrote to `results.json`.

    With several processes (`accelerate launch`) all train; the first alone goes on to measure, and the
    others return None. `provenance` (command, commit) goes into the results.

    Raises:
        CorpusError: a corpus cannot be used, or gold queries do not score full against themselves.
        TrainingError, ModelError, GraphError, RecipeError: as for the stages.
    """
    study = Study.open(recipe, tiny=tiny, bar=bar, report=report)
    recipe, data = study.recipe, study.data
    with open_graphs(recipe.evaluation.graphs) as graphs:
        for name in trained_names(recipe):
            study.train(name, graphs)
        further = train_further(study) if recipe.growth else None
        if not processes.is_first():
            return None
        study.merge()
        runner, places = study.runner()
        gates = study.gates(runner, places)
        asked = questions_of(study.base, data, data.test, recipe.languages)
        examples, wrong = check_gold(data.test, graphs)
        reports: dict[str, Report] = {}
        routed: dict[str, Any] = {}
        for method in methods(recipe.languages, recipe.gate.kinds):
            made = study.answers(method, runner, places, gates, asked)
            reports[method.name] = evaluate(made, examples, graphs)
            if method.gate and method.mixing is Mixing.LOGITS:
                routed[method.name] = routing(made, recipe.languages)
        results: dict[str, Any] = {
            "name": recipe.name,
            **(provenance or {}),
            "folder": str(recipe.folder),
            "tiny": tiny,
            "seed": recipe.seed,
            "languages": recipe.languages,
            "corpus": _corpus(study, [e for e in examples if e.database in graphs], wrong),
            "methods": {name: scores(found, recipe.languages) for name, found in reports.items()},
            "differences": differences(reports, recipe.languages),
            "routing": {
                "examples": example_weights(study, runner, places, gates[recipe.gate.kinds[0]])
                if gates
                else [],
                **_joined(routed),
            },
            "costs": _costs(study, gates),
            "curves": {name: read_log(study.folder(name)) for name in trained_names(recipe)},
        }
        if recipe.ablations:
            results["ablations"] = _ablations(study, runner, places)
        results["growth"] = grow(study, runner, places, examples, graphs, further)
    write_json(recipe.folder / "results.json", results)
    return results


def train_named(
    recipe: StudyRecipe,
    name: str,
    *,
    tiny: bool = False,
    bar: Bar = quiet,
    report: Callable[[Mapping[str, Any]], None] = lambda record: None,
) -> Path:
    """Train one adapter of a study (a language, `joint` or `en-only`); returns its folder.

    Raises:
        RecipeError: the study has no adapter of that name.
        CorpusError, TrainingError, ModelError: as for `run_study`.
    """
    if name not in trained_names(recipe):
        raise RecipeError(f"the study has no adapter '{name}'; it has {', '.join(trained_names(recipe))}")
    study = Study.open(recipe, tiny=tiny, bar=bar, report=report)
    study.train(name)
    return study.folder(name)


def train_gates(
    recipe: StudyRecipe,
    *,
    tiny: bool = False,
    bar: Bar = quiet,
    report: Callable[[Mapping[str, Any]], None] = lambda record: None,
) -> dict[str, Path]:
    """Train the gates of a study, and first the adapters that are missing; kind → folder.

    With several processes all train the adapters; the first alone goes on, and the others return nothing.

    Raises:
        CorpusError, TrainingError, ModelError: as for `run_study`.
    """
    study = Study.open(recipe, tiny=tiny, bar=bar, report=report)
    for code in study.recipe.languages:
        study.train(code)
    if not processes.is_first():
        return {}
    study.gates(*study.runner())
    return {kind: study.recipe.folder / "gates" / kind for kind in study.recipe.gate.kinds}


def provenance(words: Sequence[str]) -> dict[str, str]:
    """The command line, and the commit of the software if it runs from its repository, else "".

    A commit reads `-dirty` where files differ from it.
    """
    git = ["git", "-C", str(Path(__file__).parent)]
    # Installed below somebody else's repository, the package is no file of it.
    own = _output([*git, "ls-files", Path(__file__).name])
    commit = _output([*git, "describe", "--always", "--dirty", "--exclude=*"]) if own else ""
    return {"command": shlex.join(["polycypher", *words]), "commit": commit}


def _output(command: Sequence[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:  # no git
        return ""


def _corpus(study: Study, executed: Sequence[Example], wrong: Mapping[str, str]) -> dict[str, Any]:
    split, recipe = study.data.split, study.recipe
    return {
        "train": {code: len(split.train[code]) for code in recipe.languages},
        **{
            name: count
            for name, count in split.counts.items()
            if name in ("shared", "pair", "unique", "union", "joint")
        },
        "gate": len(split.gate(recipe.gate.questions)) * len(recipe.languages),
        "test": len(study.data.test),
        "executed": dict.fromkeys(recipe.languages, len(executed)),
        "gold_unusable": dict(wrong),
        "spare": len(study.data.spare),
    }


def _joined(routed: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "confusion": {name: part["confusion"] for name, part in routed.items()},
        "top": {name: part["top"] for name, part in routed.items()},
    }


def _costs(study: Study, gates: Mapping[str, TrainedGate]) -> dict[str, Any]:
    names = {code: f"adapter-{code}" for code in study.recipe.languages}
    costs: dict[str, Any] = {}
    for name in (*study.recipe.languages, JOINT, ENGLISH):
        adapter = study.adapters[name]
        told = {key: adapter.record.get(key) for key in ("samples", "epochs", "steps", "minutes")}
        costs[names.get(name, name)] = {**told, "parameters": adapter.parameters}
    for kind, gate in gates.items():
        costs[f"fusion-{kind}"] = {key: value for key, value in gate.cost.items() if key != "key"}
    return costs


def _ablations(study: Study, runner: Runner, places: Mapping[str, int]) -> list[dict[str, Any]]:
    recipe, codes = study.recipe, study.recipe.languages
    default = gate_config(study.base, len(codes), recipe.gate.kinds[0])
    key = study.key("ablations", recipe.gate.model_dump(mode="json"), [study.made_by(code) for code in codes])
    path = recipe.folder / "ablations.json"
    if (kept := read_kept(path, key)) is not None:
        return list(kept["rows"])
    train = items_of(study.base, study.data, study.data.split.gate(recipe.gate.questions), codes)
    test = items_of(study.base, study.data, study.data.test, codes)
    with study.bar("ablations", len(train) + len(test)) as advance:
        rows = ablate(
            study.base,
            runner,
            train,
            test,
            default,
            recipe.gate,
            weights=Method("", tuple(codes)).weights(places).to(runner.device),
            seed=recipe.seed,
            batch=recipe.evaluation.batch,
            progress=advance,
        )
    write_json(path, {"key": key, "rows": rows})
    return rows
