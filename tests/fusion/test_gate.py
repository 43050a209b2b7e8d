"""The gate: weights that sum to one, shapes, and what normalisation does to odd features."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from polycypher.errors import BundleError
from polycypher.fusion.gate import CLIP, FLOOR, Embedding, Gate, GateConfig, GateKind
from polycypher.fusion.previews import Reduction, Window

SMALL = GateConfig(adapters=3, preview=6, embedding_size=4, width=16)
KINDS = [GateKind.MLP, GateKind.SHARED_SCORER]


def a_gate(config: GateConfig = SMALL, seed: int = 0) -> Gate:
    torch.manual_seed(seed)
    return Gate(config).requires_grad_(False)


def inputs(rows: int = 5, config: GateConfig = SMALL, seed: int = 0) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    previews = torch.randn(rows, config.adapters, config.preview, generator=draw)
    return previews, torch.randn(rows, config.embedding_size, generator=draw)


@given(
    kind=st.sampled_from(KINDS),
    adapters=st.integers(1, 6),
    rows=st.integers(1, 4),
    size=st.floats(0.0, 1e4),
    clamped=st.booleans(),
)
def test_weights_sum_to_one(kind: GateKind, adapters: int, rows: int, size: float, clamped: bool) -> None:
    config = replace(SMALL, kind=kind, adapters=adapters, clamped=clamped)
    previews, embeddings = inputs(rows, config)
    weights = a_gate(config)(size * previews, size * embeddings)
    assert weights.shape == (rows, adapters)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(rows), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_the_softmax_of_the_scores(kind: GateKind) -> None:
    gate = a_gate(replace(SMALL, kind=kind))
    torch.testing.assert_close(gate(*inputs()), gate.scores(*inputs()).softmax(1))


def test_the_paper_s_network_reads_all_previews_and_the_embedding() -> None:
    network = a_gate(replace(SMALL, kind=GateKind.MLP)).network
    assert (network[0].in_features, network[0].out_features) == (3 * 6 + 4, 16)
    assert network[2].out_features == 3
    previews, embeddings = inputs()
    expected = network(torch.cat([previews[:, 0], previews[:, 1], previews[:, 2], embeddings], 1))
    gate = a_gate(replace(SMALL, kind=GateKind.MLP, clamped=False))
    torch.testing.assert_close(gate.scores(previews, embeddings), expected)


def test_the_shared_scorer_keeps_its_shape_whatever_the_number_of_adapters() -> None:
    three, five = (a_gate(replace(SMALL, kind=GateKind.SHARED_SCORER, adapters=k)) for k in (3, 5))
    assert [w.shape for w in three.parameters()] == [w.shape for w in five.parameters()]
    assert three.network[0].in_features == 2 * 6 + 4
    assert three.network[2].out_features == 1
    assert five(*inputs(config=replace(SMALL, adapters=5))).shape == (5, 5)


@pytest.mark.parametrize("order", [[1, 0, 2], [2, 0, 1], [2, 1, 0]])
def test_the_shared_scorer_follows_the_order_of_the_adapters(order: list[int]) -> None:
    gate = a_gate(replace(SMALL, kind=GateKind.SHARED_SCORER))
    previews, embeddings = inputs()
    weights = gate(previews, embeddings)
    torch.testing.assert_close(gate(previews[:, order], embeddings), weights[:, order])
    assert (weights.std(1) > 1e-3).all()  # else nothing is tested


def test_the_shared_scorer_reads_preview_mean_and_embedding() -> None:
    gate = a_gate(replace(SMALL, kind=GateKind.SHARED_SCORER, clamped=False))
    previews, embeddings = inputs()
    for i in range(3):
        row = torch.cat([previews[:, i], previews.mean(1), embeddings], 1)
        torch.testing.assert_close(gate.scores(previews, embeddings)[:, i], gate.network(row)[:, 0])


def test_normalisation_is_by_mean_and_deviation() -> None:
    gate = a_gate()
    previews, embeddings = inputs(200)
    gate.fit_normalisation(10 + 3 * previews, -5 + 2 * embeddings)
    plain = a_gate()
    plain.fit_normalisation(previews, embeddings)
    fresh = inputs(seed=1)
    torch.testing.assert_close(gate(10 + 3 * fresh[0], -5 + 2 * fresh[1]), plain(*fresh), atol=1e-4, rtol=0)


def test_features_are_clamped() -> None:
    previews, embeddings = inputs()
    far, edge = previews.sign() * 1e6, previews.sign() * CLIP
    clamped, free = a_gate(), a_gate(replace(SMALL, clamped=False))
    assert torch.equal(clamped(far, embeddings), clamped(edge, embeddings))
    assert not torch.equal(free(far, embeddings), free(edge, embeddings))


def test_a_floor_stands_under_the_deviation() -> None:
    previews, embeddings = inputs(100)
    previews[..., 0] = 0.7  # never varies in training
    embeddings[..., 0] *= 1e-5  # hardly varies
    gate = a_gate()
    gate.fit_normalisation(previews, embeddings)
    least = FLOOR * previews.flatten(0, 1).std(0).mean()
    assert gate.preview_deviation[0].item() == pytest.approx(least.item(), rel=1e-3)
    assert gate.embedding_deviation[0].item() == pytest.approx(
        FLOOR * embeddings.std(0).mean().item(), rel=1e-3
    )
    torch.testing.assert_close(gate.preview_deviation[1:], previews.flatten(0, 1).std(0)[1:])


def test_the_paper_s_form_has_no_floor() -> None:
    config = GateConfig.paper(3, 6, 4)
    assert (config.window, config.embedding) == (Window.LAST_200, Embedding.PROMPT)
    assert (config.kind, config.clamped) == (GateKind.MLP, False)
    previews, embeddings = inputs(100)
    previews[..., 0] *= 1e-4
    gate = a_gate(config)
    gate.fit_normalisation(previews, embeddings)
    torch.testing.assert_close(gate.preview_deviation, previews.flatten(0, 1).std(0))


def test_a_constant_feature_never_divides_by_zero() -> None:
    for config in (SMALL, replace(SMALL, clamped=False)):
        gate = a_gate(config)
        gate.fit_normalisation(torch.ones(10, 3, 6), torch.ones(10, 4))
        assert torch.isfinite(gate(torch.ones(1, 3, 6), torch.ones(1, 4))).all()


@given(
    st.builds(
        GateConfig,
        kind=st.sampled_from(GateKind),
        adapters=st.integers(1, 20),
        preview=st.integers(1, 512),
        width=st.integers(1, 512),
        window=st.sampled_from(Window),
        reduction=st.sampled_from(Reduction),
        embedding=st.sampled_from(Embedding),
        clamped=st.booleans(),
        projection_seed=st.integers(0, 99),
    )
)
def test_the_configuration_reads_what_it_writes(config: GateConfig) -> None:
    again = GateConfig.from_dict(config.to_dict())
    assert again == config
    assert isinstance(again.kind, GateKind)
    assert isinstance(again.window, Window)


@pytest.mark.parametrize("change", [{"kind": "oracle"}, {"window": "last-3"}, {"depth": 2}, {"kind": None}])
def test_a_damaged_configuration(change: dict[str, object]) -> None:
    with pytest.raises(BundleError, match="configuration is damaged"):
        GateConfig.from_dict({**SMALL.to_dict(), **change})
