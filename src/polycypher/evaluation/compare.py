"""The difference of two systems measured on the same questions, with its interval.

Knows nothing of how either was made.
"""

from __future__ import annotations

from polycypher.errors import UsageError
from polycypher.evaluation.intervals import Interval, paired_difference
from polycypher.evaluation.report import Report


def difference(
    first: Report,
    second: Report,
    metric: str,
    language: str | None = None,
    *,
    samples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """How much better `first` is than `second` in a measure, by the paired bootstrap over examples.

    Args:
        metric: one of `report.METRICS`.
        language: the questions' language; without one, each example counts once, by the mean of its
            languages.

    Raises:
        UsageError: an unknown measure, or reports that are not about the same examples.
    """
    left, right = first.values(metric, language), second.values(metric, language)
    if left.keys() != right.keys():
        odd = sorted(left.keys() ^ right.keys())
        raise UsageError(
            f"the two reports measure {metric} on different examples, '{odd[0]}' and {len(odd) - 1} more are "
            "in one only; evaluate both on the same file"
        )
    names = sorted(left)
    return paired_difference(
        [left[name] for name in names],
        [right[name] for name in names],
        samples=samples,
        level=level,
        seed=seed,
    )
