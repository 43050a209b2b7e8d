"""Figures published for adapter fusion in multilingual Text2Cypher (Ozsoy, arXiv 2601.16097).

Only figures that were read in the paper stand here; `figure` answers None for all others, and a reader
sees "n/a". Knows nothing of this project's own results. The paper measured Llama-3.1-8B-Instruct on 4,783
parallel test questions a language; its figures stand beside ours for direction, not for comparison of size.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SOURCE: Final = "Ozsoy, Adapter fusion for multilingual Text2Cypher, arXiv 2601.16097"

LANGUAGES: Final = ("en", "es", "tr")
"""The languages whose mean is the paper's average."""

SCORES: Final[Mapping[str, Mapping[str, Mapping[str, float]]]] = MappingProxyType(
    {
        "rouge_l": {
            "base": {"en": 0.65, "es": 0.60, "tr": 0.55, "avg": 0.60},
            "linear-factor": {"avg": 0.75},
            "fusion-mlp": {"avg": 0.79},
            "joint": {"avg": 0.85},
        }
    }
)
"""metric → method → language or `avg` → score (Table 2). The paper's linear merge averages the factors, so
its figure stands beside `linear-factor` and beside no other merge."""

RECOVERED: Final[Mapping[str, float]] = MappingProxyType({"linear-factor": 0.60, "fusion-mlp": 0.75})
"""Share of joint training's gain in average ROUGE-L, as the paper's text rounds it."""

ADAPTER_SAMPLES: Final = 12_000
"""Training samples of one language's adapter."""

GATE_SAMPLES: Final = 2_500
"""Training samples of the gate for each language (7,500 for three, 20.8 % of joint's 36,000)."""

JOINT_SAMPLES: Final = (12_000, 24_000, 36_000, 48_000)
"""Samples to train when the 1st … 4th language arrives, everything together (Table 4)."""

FUSION_SAMPLES: Final = (12_000, 17_000, 19_500, 22_000)
"""The same for fusion: one new adapter, and from the 2nd language on the gate (Table 4)."""

WEIGHTS: Final[Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {
        "en": {"en": 0.83, "es": 0.06, "tr": 0.11},
        "es": {"en": 0.03, "es": 0.96, "tr": 0.01},
        "tr": {"en": 0.07, "es": 0.15, "tr": 0.78},
    }
)
"""Language of an example question → weight of each adapter (Table 3)."""


def figure(method: str, metric: str, language: str = "avg") -> float | None:
    """The paper's score of `method` by `metric`, or None where it has no such figure known to us."""
    return SCORES.get(metric, {}).get(method, {}).get(language)


def recovered(method: str, metric: str, language: str = "avg") -> float | None:
    """The paper's share of joint's gain that `method` recovers, or None; known for average ROUGE-L alone."""
    return RECOVERED.get(method) if (metric, language) == ("rouge_l", "avg") else None


def samples(step: int) -> tuple[int, int] | None:
    """`(joint, fusion)` samples when the language number `step` (from 1) arrives; None past the table."""
    if not 1 <= step <= len(JOINT_SAMPLES):
        return None
    return JOINT_SAMPLES[step - 1], FUSION_SAMPLES[step - 1]
