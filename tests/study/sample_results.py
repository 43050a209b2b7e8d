"""Results of a study made up by hand, for the tests of what reads them."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from polycypher.study.reading import METRICS

HOSTILE = '<script>alert("x")</script> | `a` *b* [l](javascript:x) ![i](y)\n# c \u202e \x00 \ud800 &amp;'
"""A question that would break a page or a table that trusted it."""


def scored(english: float, spanish: float) -> dict[str, Any]:
    """Every measure of a method: these values, their mean as average, intervals of ±0.01."""

    def cells(value: float) -> dict[str, Any]:
        return {metric: {"value": value, "low": value - 0.01, "high": value + 0.01} for metric in METRICS}

    return {"en": cells(english), "es": cells(spanish), "avg": cells((english + spanish) / 2)}


def small_results() -> dict[str, Any]:
    """Base .5, joint .7: fusion-mlp recovers .8, the shared scorer .95; every merge is below fusion."""
    return {
        "name": "small",
        "commit": "abc123",
        "command": "polycypher study run small.yaml",
        "seed": 7,
        "languages": ["en", "es"],
        "corpus": {"train": {"en": 3000, "es": 2000}, "joint": 5000, "test": 400, "gate": 1000},
        "methods": {
            "base": scored(0.6, 0.4),
            "joint": scored(0.8, 0.6),
            "linear-factor": scored(0.7, 0.5),
            "linear-exact": scored(0.72, 0.52),
            "linear-peft": scored(0.65, 0.45),
            "fusion-mlp": scored(0.76, 0.56),
            "fusion-shared-scorer": scored(0.79, 0.59),
        },
        "routing": {
            "examples": [{"language": "es", "question": HOSTILE, "weights": {"en": 0.1, "es": 0.9}}],
            "confusion": {"fusion-mlp": {"en": {"en": 0.9, "es": 0.1}, "es": {"en": 0.7, "es": 0.3}}},
        },
    }


def cell(value: float, reach: float = 0.02) -> dict[str, float]:
    """A measured value and its interval."""
    return {"value": value, "low": value - reach, "high": value + reach}


def uneven_results() -> dict[str, Any]:
    """Base .60, joint .80 on average; fusion .75; Spanish, where joint is worse than base."""
    return {
        "languages": ["en", "es"],
        "methods": {
            "base": {
                "en": {"rouge_l": cell(0.5)},
                "es": {"rouge_l": cell(0.7)},
                "avg": {"rouge_l": cell(0.6)},
            },
            "joint": {
                "en": {"rouge_l": cell(0.9)},
                "es": {"rouge_l": cell(0.6)},
                "avg": {"rouge_l": cell(0.8)},
            },
            "fusion-mlp": {
                "en": {"rouge_l": cell(0.8)},
                "es": {"rouge_l": None},
                "avg": {"rouge_l": cell(0.75)},
            },
            "linear-peft": {"avg": {"rouge_l": cell(0.5)}},
            "ours-new": {"avg": {"rouge_l": cell(0.9)}},
        },
    }


class Seen(HTMLParser):
    """Tags and text of a page; a parser sees what a browser would run or show."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data
