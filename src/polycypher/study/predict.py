"""Answers of a method to the test questions, kept as one Parquet file a method.

Questions about one schema run together. A file is written to a temporary name and renamed, so that a
method is either there or not. Knows nothing of databases or metrics.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from polycypher.corpus.example import Example
from polycypher.corpus.prompt import PromptTokens
from polycypher.cypher.cleanup import clean
from polycypher.errors import CorpusError
from polycypher.evaluation import Prediction
from polycypher.fusion.gate import Gate
from polycypher.fusion.inputs import GateInputs
from polycypher.fusion.runner import RowStates, Runner
from polycypher.study.base import Base
from polycypher.study.data import StudyData
from polycypher.study.files import keeping
from polycypher.study.methods import Method, Mixing

_KEY = "polycypher"


@dataclass(frozen=True, slots=True)
class Asked:
    """A test question: its example, language and prompt."""

    example: Example
    language: str
    prompt: PromptTokens


def questions_of(
    base: Base, data: StudyData, examples: Sequence[Example], languages: Sequence[str]
) -> list[Asked]:
    """Every example's question in each language that it has, those of one schema and length together."""
    asked = [
        Asked(example, code, data.prompt(base.maker, example, code))
        for example in examples
        for code in languages
        if code in example.questions
    ]
    return sorted(asked, key=lambda one: (one.prompt.prefix, len(one.prompt.suffix)))


def batches(asked: Sequence[Asked], most: int) -> list[Sequence[Asked]]:
    """Spans of at most `most` questions that share their prefix."""
    spans: list[Sequence[Asked]] = []
    start = 0
    for place in range(1, len(asked) + 1):
        ended = place == len(asked) or place - start == most
        if ended or asked[place].prompt.prefix != asked[start].prompt.prefix:
            spans.append(asked[start:place])
            start = place
    return spans


def predict(
    method: Method,
    base: Base,
    runner: Runner,
    places: Mapping[str, int],
    gate: Gate | None,
    asked: Sequence[Asked],
    *,
    batch: int,
    longest: int,
    progress: Callable[[int], None] = lambda done: None,
) -> list[Prediction]:
    """Greedy answers of a method, unconstrained as in the paper, with the rows' weights by adapter name.

    Args:
        method: which rows run, and how they are mixed.
        base: for its tokenizer and the gate's inputs.
        runner: base and stacked adapters.
        places: adapter → its place in the stack.
        gate: weighs the rows; None for a method of one row.
        asked: sorted as `questions_of` does, so that those of one schema run together.
        batch: questions run at once.
        longest: tokens that an answer may have.
        progress: told how many questions a batch had.
    """
    rows = method.weights(places).to(runner.device)
    inputs = GateInputs(base.model, gate.config) if gate is not None else None
    predictions = []
    for group in batches(asked, batch):
        states = runner.states(group[0].prompt.prefix, [one.prompt.suffix for one in group], rows)
        weights = _weights(inputs, gate, group, states) if inputs and gate else torch.ones(len(group), 1)
        mixes = weights
        if method.mixing is Mixing.TOP1:
            mixes = torch.nn.functional.one_hot(weights.argmax(1), weights.shape[1]).float()
        if method.mixing is Mixing.MERGED:
            prompts = [(one.prompt.prefix, one.prompt.suffix) for one in group]
            states = runner.run(prompts, weights.to(rows) @ rows, range(len(group)))
            mixes = torch.ones(len(group))
        answers = runner.generate(
            states, mixes.flatten(), most=longest, probabilities=method.mixing is Mixing.PROBABILITIES
        )
        for one, ids, weight in zip(group, answers, weights.tolist(), strict=True):
            text = clean(base.tokenizer.decode(ids, skip_special_tokens=True))
            named = dict(zip(method.rows, weight, strict=True)) if gate is not None else None
            predictions.append(Prediction(one.example.id, one.language, text, named))
        progress(len(group))
    return predictions


def _weights(inputs: GateInputs, gate: Gate, group: Sequence[Asked], states: RowStates) -> Tensor:
    made = [inputs(one.prompt, states.of(number)) for number, one in enumerate(group)]
    with torch.inference_mode():
        weights: Tensor = gate(torch.stack([p for p, _ in made]), torch.stack([e for _, e in made]))
    return weights


def save_predictions(predictions: Sequence[Prediction], path: Path, key: str = "") -> None:
    """Write predictions as Parquet: `id`, `language`, `prediction`, `weights` (JSON).

    `key` tells what made them; it stands in the file's metadata.

    Raises:
        TrainingError: the disk is full or the folder cannot be written.
    """
    import pyarrow as arrow
    from pyarrow import parquet

    table = arrow.table(
        {
            "id": [made.example_id for made in predictions],
            "language": [made.language for made in predictions],
            "prediction": [made.prediction for made in predictions],
            "weights": [json.dumps(made.weights) for made in predictions],
        }
    )
    table = table.replace_schema_metadata({_KEY: key})
    with keeping(path) as temporary:
        parquet.write_table(table, temporary)


def load_predictions(path: Path, key: str = "") -> list[Prediction] | None:
    """Read what `save_predictions` wrote; None if there is no such file, or something else made it.

    Raises:
        CorpusError: the file is damaged.
    """
    if not path.exists():
        return None
    from pyarrow import ArrowException, parquet

    try:
        table = parquet.read_table(path)
    except (ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CorpusError(
            f"the predictions {path} are damaged ({reason}); delete the file and run again"
        ) from None
    if (table.schema.metadata or {}).get(_KEY.encode()) != key.encode():
        return None
    return [
        Prediction(row["id"], row["language"], row["prediction"], json.loads(row["weights"]))
        for row in table.to_pylist()
    ]
