"""Previews against the formulas, written out on small cases."""

from __future__ import annotations

import math

import pytest
import torch

from polycypher.fusion.previews import Projection, Reduction, Window, reduce_previews, size_of

DRAW = torch.Generator().manual_seed(0)
HIDDEN = torch.randn(3, 4, 5, generator=DRAW)
LOGITS = torch.randn(3, 4, 7, generator=DRAW)
IDS = torch.tensor([2, 6, 0, 3])


def test_the_window_of_the_question_is_its_own_tokens() -> None:
    assert Window.QUESTION.span(prefix=100, suffix=12, question=(0, 9)) == (100, 109)
    assert Window.QUESTION.span(prefix=0, suffix=12, question=(3, 9)) == (3, 9)


def test_the_window_of_an_empty_question_is_the_last_token() -> None:
    assert Window.QUESTION.span(prefix=100, suffix=4, question=(0, 0)) == (103, 104)


@pytest.mark.parametrize(
    ("window", "length"), [(Window.LAST_200, 200), (Window.LAST_100, 100), (Window.LAST_50, 50)]
)
def test_the_last_tokens_are_clipped_at_the_start(window: Window, length: int) -> None:
    assert window.span(prefix=990, suffix=10, question=(0, 5)) == (1000 - length, 1000)
    assert window.span(prefix=length - 10, suffix=10, question=(0, 5)) == (0, length)
    assert window.span(prefix=20, suffix=10, question=(0, 5)) == (0, 30)


def test_full_is_the_mean_of_the_log_probabilities() -> None:
    found = reduce_previews(HIDDEN, LOGITS, IDS, Reduction.FULL, None)
    for i in range(3):
        for v in range(7):
            each = [
                LOGITS[i, w, v].item() - math.log(sum(math.exp(x) for x in LOGITS[i, w].tolist()))
                for w in range(4)
            ]
            assert found[i, v].item() == pytest.approx(sum(each) / 4, abs=1e-5)


def test_a_constant_added_to_the_logits_changes_nothing() -> None:
    for reduction in (Reduction.FULL, Reduction.STATS):
        one = reduce_previews(HIDDEN, LOGITS, IDS, reduction, None)
        torch.testing.assert_close(
            reduce_previews(HIDDEN, LOGITS + 5.0, IDS, reduction, None), one, atol=1e-5, rtol=0
        )


def test_hidden_is_the_mean_state() -> None:
    torch.testing.assert_close(reduce_previews(HIDDEN, LOGITS, IDS, Reduction.HIDDEN, None), HIDDEN.mean(1))


def test_projection_is_a_matrix_on_the_full_preview_of_every_adapter() -> None:
    projection = Projection(7, 16, seed=3)
    full = reduce_previews(HIDDEN, LOGITS, IDS, Reduction.FULL, None)
    found = reduce_previews(HIDDEN, LOGITS, IDS, Reduction.PROJECTION, projection)
    torch.testing.assert_close(found, torch.stack([row @ projection.matrix for row in full]))


def test_projection_without_one_is_refused() -> None:
    with pytest.raises(ValueError, match="projection"):
        reduce_previews(HIDDEN, LOGITS, IDS, Reduction.PROJECTION, None)


def test_projections_of_one_seed_are_the_same() -> None:
    one = Projection(50, 32, seed=4).matrix
    torch.manual_seed(123)  # the global state has no part in it
    assert torch.equal(Projection(50, 32, seed=4).matrix, one)
    assert not torch.equal(Projection(50, 32, seed=5).matrix, one)


def test_projection_entries_and_lengths() -> None:
    matrix = Projection(4000, 256).matrix
    entry = math.sqrt(3 / 256)
    assert matrix.unique().tolist() == pytest.approx([-entry, 0.0, entry])
    for value, share in ((0.0, 2 / 3), (entry, 1 / 6), (-entry, 1 / 6)):
        assert (matrix - value).abs().lt(1e-6).float().mean().item() == pytest.approx(share, abs=0.01)
    x = torch.randn(8, 4000, generator=DRAW)
    assert ((x @ matrix).norm(dim=1) / x.norm(dim=1)).tolist() == pytest.approx([1.0] * 8, abs=0.2)


def test_statistics_by_hand() -> None:
    # Two adapters, two places, three tokens; the window is tokens 2, 1.
    p = torch.tensor(
        [[[0.5, 0.25, 0.25], [0.7, 0.2, 0.1]], [[0.1, 0.8, 0.1], [0.7, 0.2, 0.1]]], dtype=torch.float64
    )
    found = reduce_previews(
        torch.zeros(2, 2, 1), p.log().float(), torch.tensor([2, 1]), Reduction.STATS, None
    )

    def entropy(row: list[float]) -> float:
        return -sum(x * math.log(x) for x in row)

    def divergence(one: list[float], other: list[float]) -> float:
        return sum(x * math.log(x / y) for x, y in zip(one, other, strict=True))

    first, second, same = [0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.7, 0.2, 0.1]
    expected = [
        [
            -math.log(row[1]),  # the second token as the first place predicts it
            (entropy(row) + entropy(same)) / 2,
            (max(row) + 0.7) / 2,
            (gap + 0.5) / 2,
            divergence(row, other) / 2 / 2,  # over two places, and over both adapters, itself included
        ]
        for row, other, gap in ((first, second, 0.25), (second, first, 0.7))
    ]
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-5, rtol=0)


def test_statistics_of_equal_adapters_do_not_diverge() -> None:
    found = reduce_previews(HIDDEN, LOGITS[:1].expand(3, -1, -1), IDS, Reduction.STATS, None)
    torch.testing.assert_close(found[:, 4], torch.zeros(3), atol=1e-6, rtol=0)


def test_statistics_of_one_token() -> None:
    found = reduce_previews(HIDDEN[:, :1], LOGITS[:, :1], IDS[:1], Reduction.STATS, None)
    assert found[:, 0].tolist() == [0.0, 0.0, 0.0]
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("reduction", list(Reduction))
def test_the_size_is_what_size_of_says(reduction: Reduction) -> None:
    found = reduce_previews(HIDDEN, LOGITS, IDS, reduction, Projection(7))
    assert found.shape == (3, size_of(reduction, vocabulary=7, hidden=5))
