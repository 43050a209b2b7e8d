"""Bootstrap intervals for a mean and for the difference of two means over the same examples.

Percentile bootstrap; the same seed always gives the same interval. Knows nothing of what the scores measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polycypher.errors import UsageError

_CHUNK_CELLS = 4_000_000
"""Draws held in memory at once; 32 MB of indices."""


class Interval(NamedTuple):
    """A mean with the ends of its confidence interval; `low <= value <= high`."""

    value: float
    low: float
    high: float


def bootstrap(
    scores: Sequence[float], *, samples: int = 2000, level: float = 0.95, seed: int = 0
) -> Interval:
    """The mean of `scores` and its interval, by resampling examples with replacement.

    Args:
        scores: `[examples]`, one score an example.
        samples: resamples to draw.
        level: confidence, between 0 and 1.
        seed: of the random draws.

    Raises:
        UsageError: no scores, fewer than one resample, or a level outside (0, 1).
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or not values.size:
        raise UsageError("there are no scores to resample; give one number an example")
    if samples < 1 or not 0.0 < level < 1.0:
        raise UsageError(
            f"cannot resample {samples} times at level {level}; give samples >= 1 and 0 < level < 1"
        )
    value = float(values.mean())
    means = _resampled_means(values, samples, np.random.default_rng(seed))
    low, high = np.quantile(means, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    # Means of equal numbers can differ in the last bit; the interval still holds its own mean.
    return Interval(value, min(float(low), value), max(float(high), value))


def paired_difference(
    first: Sequence[float],
    second: Sequence[float],
    *,
    samples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Mean of `first - second` and its interval, by the paired bootstrap: each resample draws the same
    examples for both, so what an example does to both cancels. An interval without zero is a difference.

    Args:
        first, second: `[examples]` each, the same examples in the same order.

    Raises:
        UsageError: the lists differ in length, or as in `bootstrap`.
    """
    if len(first) != len(second):
        raise UsageError(
            f"paired scores must be of the same examples; there are {len(first)} and {len(second)}"
        )
    differences = [left - right for left, right in zip(first, second, strict=True)]
    return bootstrap(differences, samples=samples, level=level, seed=seed)


def _resampled_means(
    values: NDArray[np.float64], samples: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """`[samples]`: the mean of each resample, drawn in chunks of bounded size."""
    chunk = max(1, _CHUNK_CELLS // values.size)
    means = np.empty(samples, dtype=np.float64)
    for start in range(0, samples, chunk):
        count = min(chunk, samples - start)
        picks = random.integers(values.size, size=(count, values.size))
        means[start : start + count] = values[picks].mean(axis=1)
    return means
