"""Bootstrap intervals."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polycypher.errors import UsageError
from polycypher.evaluation.intervals import bootstrap, paired_difference

scores = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30)


@settings(max_examples=50)
@given(scores, st.integers(0, 5))
def test_the_interval_holds_the_mean_and_is_the_same_for_a_seed(values: list[float], seed: int) -> None:
    interval = bootstrap(values, samples=200, seed=seed)
    assert interval.value == pytest.approx(sum(values) / len(values))
    assert min(values) - 1e-12 <= interval.low <= interval.value <= interval.high <= max(values) + 1e-12
    assert interval == bootstrap(values, samples=200, seed=seed)


@settings(max_examples=50)
@given(scores)
def test_a_system_does_not_differ_from_itself(values: list[float]) -> None:
    assert paired_difference(values, values, samples=200) == (0.0, 0.0, 0.0)


@settings(max_examples=50)
@given(scores, st.floats(-0.5, 0.5))
def test_a_constant_gain_has_no_spread(values: list[float], gain: float) -> None:
    interval = paired_difference([value + gain for value in values], values, samples=200)
    assert interval == pytest.approx((gain, gain, gain))


def test_another_seed_draws_otherwise() -> None:
    noise = random.Random(1)
    values = [noise.random() for _ in range(50)]
    assert bootstrap(values, seed=0)[1:] != bootstrap(values, seed=1)[1:]


def test_the_width_is_that_of_the_normal_approximation() -> None:
    """A share of one half over 400: standard error 0.025, so ±0.049 at 95 %."""
    interval = bootstrap([0.0, 1.0] * 200)
    assert interval.low == pytest.approx(0.451, abs=0.006)
    assert interval.high == pytest.approx(0.549, abs=0.006)
    assert bootstrap([0.0, 1.0] * 200, level=0.5).high < interval.high


def test_pairing_takes_out_what_both_share() -> None:
    """Easy and hard examples spread each system widely; their difference does not."""
    noise = random.Random(0)
    second = [noise.random() for _ in range(200)]
    first = [value + 0.02 + 0.01 * noise.random() for value in second]
    paired = paired_difference(first, second)
    assert paired.low > 0.0
    assert bootstrap(first).low < bootstrap(second).high


def test_many_scores_are_drawn_in_chunks_with_one_stream() -> None:
    values = [0.0, 1.0] * 1_500_000
    interval = bootstrap(values, samples=4)
    assert interval.low < interval.value == 0.5 < interval.high


@pytest.mark.parametrize(
    "call",
    [
        lambda: bootstrap([]),
        lambda: bootstrap([1.0], samples=0),
        lambda: bootstrap([1.0], level=1.0),
        lambda: paired_difference([1.0, 2.0], [1.0]),
        lambda: paired_difference([], []),
    ],
)
def test_what_cannot_be_resampled_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        call()
