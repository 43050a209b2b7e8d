"""Reading `results.json`: scores, shares of joint's gain, differences, routing, ablations.

Every part but `methods` may be absent; what has another shape than a study writes is refused. The names of
measures and ablations for a reader stand here too, as tables and pictures share them. Knows nothing of how
a value is shown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from polycypher.errors import UsageError

Results = Mapping[str, Any]
"""The content of `results.json`, or a part of it."""

METRICS: Final = {
    "rouge_l": "ROUGE-L",
    "cypher_rouge_l": "Cypher ROUGE-L",
    "exact_match": "Exact match",
    "execution_accuracy": "Execution accuracy (EX)",
    "executable": "Executable",
}
"""Measure → its name for a reader; each is a share in [0, 1]."""

LINEAR: Final = ("linear-factor", "linear-exact", "linear-peft")
GATES: Final = ("fusion-mlp", "fusion-shared-scorer")
AVERAGE: Final = "avg"

ABLATIONS: Final = {
    "window": "Preview window",
    "reduction": "Preview reduction",
    "embedding": "Base embedding",
    "gate-questions": "Gate training questions a language",
    "mixing": "Logits against probabilities",
    "identification": "Language-identification loss",
    "preset": "Preset",
}
"""Group of ablations → its title."""


class Cell(NamedTuple):
    """A measured value and the ends of its interval, where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


def part(results: Results, *keys: str) -> Mapping[str, Any]:
    """The mapping at a path of keys, empty where it is absent or null.

    Raises:
        UsageError: something other than a mapping stands there.
    """
    here: Any = results
    for depth, key in enumerate(keys):
        here = here.get(key)
        if here is None:
            return {}
        if not isinstance(here, Mapping):
            where = "/".join(keys[: depth + 1])
            raise UsageError(
                f"the study's results hold no mapping at {where} but {type(here).__name__};"
                " run the study again to write them afresh"
            )
    return here  # type: ignore[no-any-return]  # a Mapping by the check above


def records(results: Results, *keys: str) -> list[Mapping[str, Any]]:
    """The list of mappings at a path of keys, empty where it is absent.

    Raises:
        UsageError: something else stands there.
    """
    found = part(results, *keys[:-1]).get(keys[-1])
    if found is None:
        return []
    if not isinstance(found, Sequence) or not all(isinstance(record, Mapping) for record in found):
        raise UsageError(
            f"the study's results hold no list of mappings at {'/'.join(keys)};"
            " run the study again to write them afresh"
        )
    return list(found)


def number(value: Any) -> float | None:
    """`value` as a float; None for None and for what is not finite.

    Raises:
        UsageError: it is no number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(
            f"the study's results hold {str(value)[:60]!r} where a number belongs;"
            " run the study again to write them afresh"
        )
    return float(value) if math.isfinite(value) else None


def cell(value: Any) -> Cell | None:
    """A `{value, low, high}` mapping or a bare number as a `Cell`; None where there is no finite value."""
    if not isinstance(value, Mapping):
        value = {"value": value}
    middle = number(value.get("value"))
    return None if middle is None else Cell(middle, number(value.get("low")), number(value.get("high")))


def score(results: Results, method: str, metric: str, language: str = AVERAGE) -> Cell | None:
    """What `method` scored, or None where it was not run or not measured."""
    return cell(part(results, "methods", method, language).get(metric))


def difference(results: Results, name: str, metric: str, language: str = AVERAGE) -> Cell | None:
    """The paired difference `name` ("A - B"), or None where it was not measured."""
    return cell(part(results, "differences", name, language).get(metric))


def recovered(results: Results, method: str, metric: str, language: str = AVERAGE) -> float | None:
    """Share of joint training's gain over the base that `method` recovers: (method - base) / (joint - base).

    1 is as good as joint, 0 no better than the base; it may lie outside [0, 1]. None where one of the
    three is not measured, or where joint gains nothing, so that there is nothing to recover.
    """
    base, joint, own = (score(results, name, metric, language) for name in ("base", "joint", method))
    if base is None or joint is None or own is None or joint.value <= base.value:
        return None
    return (own.value - base.value) / (joint.value - base.value)


def languages(results: Results) -> list[str]:
    """The study's languages in its own order; those of its methods where it names none."""
    named = results.get("languages")
    if named:
        return [str(language) for language in named]
    found = (language for method in part(results, "methods") for language in part(results, "methods", method))
    return [language for language in dict.fromkeys(found) if language != AVERAGE]


def methods(results: Results) -> list[str]:
    """Every method a study has, run or not, in the reader's order, then any further ones that were run.

    A comparison names its `rows` itself.
    """
    if named := results.get("rows"):
        return [str(row) for row in named]
    adapters = (f"adapter-{language}" for language in languages(results))
    expected = ("base", "en-only", "joint", *adapters, *LINEAR, *GATES, "fusion-top1", "fusion-merged")
    return list(dict.fromkeys((*expected, *part(results, "methods"))))


def head(language: str) -> str:
    """A language's column head: its code in capitals; the average as it is."""
    return language if language == AVERAGE else language.upper()


def confusion(results: Results, gate: str) -> tuple[list[str], list[str], list[list[float | None]]]:
    """`(languages, adapters, shares)` of one gate; shares are `[languages][adapters]`."""
    matrix = part(results, "routing", "confusion", gate)
    adapters = list(dict.fromkeys(adapter for name in matrix for adapter in part(matrix, name)))
    shares = [[number(part(matrix, name).get(adapter)) for adapter in adapters] for name in matrix]
    return list(matrix), adapters, shares


def top_weights(results: Results) -> dict[str, dict[str, list[float]]]:
    """Gate → language → the largest weight of each question; gates and languages without one left out."""
    gates: dict[str, dict[str, list[float]]] = {}
    for gate in part(results, "routing", "top"):
        for language, weights in part(results, "routing", "top", gate).items():
            known = [value for value in map(number, weights or ()) if value is not None]
            if known:
                gates.setdefault(gate, {})[language] = known
    return gates


def ablation_groups(results: Results) -> dict[str, list[Mapping[str, Any]]]:
    """Group → its records, in the reader's order, known groups without a record included."""
    groups: dict[str, list[Mapping[str, Any]]] = {group: [] for group in ABLATIONS}
    for record in records(results, "ablations"):
        groups.setdefault(str(record.get("group", "other")), []).append(record)
    return groups
