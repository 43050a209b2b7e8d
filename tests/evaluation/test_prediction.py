"""Predictions: the adapter that weighed most, and the row that is kept."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest

from polycypher.evaluation.prediction import Prediction


@pytest.mark.parametrize(
    ("weights", "adapter"),
    [(None, None), ({}, None), ({"en": 0.1, "tr": 0.7, "es": 0.2}, "tr"), ({"tr": 0.5, "en": 0.5}, "en")],
)
def test_the_adapter_is_the_heaviest(weights: dict[str, float] | None, adapter: str | None) -> None:
    assert Prediction("a", "en", "x", weights).adapter == adapter


def test_a_row_is_plain_json() -> None:
    made = Prediction("a", "tr", "RETURN 1", MappingProxyType({"en": 0.2, "tr": 0.8}))
    assert json.loads(json.dumps(made.to_dict())) == {
        "id": "a",
        "language": "tr",
        "prediction": "RETURN 1",
        "weights": {"en": 0.2, "tr": 0.8},
    }
    assert Prediction("a", "en", "").to_dict()["weights"] is None
