"""`Prediction`: one predicted query for one question, and the JSON Lines file that holds many.

Knows nothing of models: any system that writes the rows can be measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polycypher.errors import CorpusError


@dataclass(frozen=True, slots=True)
class Prediction:
    """A predicted query.

    `weights` are the shares given to the adapters, by adapter name; None where nothing was fused.
    """

    example_id: str
    language: str
    prediction: str
    weights: Mapping[str, float] | None = None

    @property
    def adapter(self) -> str | None:
        """The adapter with the largest weight; of equal ones the first by name."""
        if not self.weights:
            return None
        return min(self.weights.items(), key=lambda item: (-item[1], item[0]))[0]


def read_predictions(path: Path) -> list[Prediction]:
    """Read rows `{"id": …, "language": …, "prediction": …, "weights": {adapter: share}}` from JSON Lines.

    `weights` may be missing or null; other keys are ignored.

    Raises:
        CorpusError: the file cannot be read, or a row has another form; the message names the row.
    """
    try:
        # Not splitlines: JSON text may hold U+2028 and other line ends as they are.
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"cannot read the predictions {path}: {error}") from None
    return [_parse(line, f"{path}, row {row}") for row, line in enumerate(lines, start=1) if line.strip()]


def _parse(line: str, where: str) -> Prediction:
    try:
        value: Any = json.loads(line)
    except json.JSONDecodeError as error:
        raise CorpusError(f"{where} is no JSON: {error}; write one object a line") from None
    if not isinstance(value, dict) or not all(
        isinstance(value.get(key), str) for key in ("id", "language", "prediction")
    ):
        raise CorpusError(f"{where} needs the texts `id`, `language` and `prediction`")
    weights = value.get("weights")
    if weights is not None and not (
        isinstance(weights, dict) and all(type(share) in (int, float) for share in weights.values())
    ):
        raise CorpusError(
            f"{where} has `weights` that are no numbers by adapter name; correct or leave them out"
        )
    return Prediction(value["id"], value["language"], value["prediction"], weights)
