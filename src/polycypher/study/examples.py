"""Example weights for Table 3, on questions that anyone may read: the synthesiser's about the demo graph.

A test set's own questions often may not be passed on. Knows nothing of results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from polycypher.errors import PolycypherError
from polycypher.fusion.runner import Runner
from polycypher.study.gates import TrainedGate
from polycypher.study.methods import Method
from polycypher.study.predict import predict, questions_of
from polycypher.study.study import Study
from polycypher.synthesis import demo_world, synthesise

SEED = 2_000_000_011
"""Of the example questions."""
SHOWN = 2


def example_weights(
    study: Study, runner: Runner, places: Mapping[str, int], gate: TrainedGate
) -> list[dict[str, Any]]:
    """`language`, `question` and `weights` of a few questions in each language; none where the synthesiser
    lacks one of the study's languages."""
    codes: Sequence[str] = study.recipe.languages
    schema, lexicon, values = demo_world()
    try:
        made = synthesise(schema, lexicon, values, languages=codes, count=SHOWN, seed=SEED, database="demo")
    except PolycypherError:
        return []
    data = replace(study.data, schemas={"demo": schema}, texts={})
    asked = questions_of(study.base, data, made, codes)
    found = predict(
        Method("examples", tuple(codes), "gate"),
        study.base,
        runner,
        places,
        gate.gate.to(runner.device),
        asked,
        batch=len(asked),
        longest=1,
    )
    questions = {example.id: example.questions for example in made}
    weighed = {(one.example_id, one.language): one.weights or {} for one in found}
    return [
        {
            "language": code,
            "question": questions[example.id][code],
            "weights": {name: round(w, 3) for name, w in weighed[example.id, code].items()},
        }
        for code in codes
        for example in made
    ]
