"""`Prediction`: one predicted query for one question.

Knows nothing of models: what any system predicts can be measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able row, as `polycypher evaluate --predictions` keeps it."""
        return {
            "id": self.example_id,
            "language": self.language,
            "prediction": self.prediction,
            "weights": None if self.weights is None else dict(self.weights),
        }
