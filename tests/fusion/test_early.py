"""A gate distilled to the question's embedding."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from polycypher.errors import TrainingError
from polycypher.fusion.early import agreement, distil
from polycypher.fusion.gate import Gate, GateConfig, GateKind
from polycypher.fusion.storage import load_gate, save_gate


def questions(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Embeddings around one of three centres, and soft weights that name the centre."""
    draw = torch.Generator().manual_seed(seed)
    centres = torch.randn(3, 8, generator=torch.Generator().manual_seed(9))
    owner = torch.arange(count) % 3
    embeddings = centres[owner] + 0.3 * torch.randn(count, 8, generator=draw)
    return embeddings, 0.85 * torch.eye(3)[owner] + 0.05


def test_it_agrees_with_its_teacher_on_new_questions() -> None:
    early = distil(*questions(240, seed=1), epochs=40)
    embeddings, weights = questions(90, seed=2)
    assert agreement(early, embeddings, weights) > 0.95
    with torch.inference_mode():
        # The weights themselves are learnt, not only which is largest.
        assert float((early(None, embeddings) - weights).abs().mean()) < 0.1


def test_nothing_to_learn_gives_chance() -> None:
    embeddings, weights = questions(240, seed=1)
    shuffled = weights[torch.randperm(240, generator=torch.Generator().manual_seed(3))]
    early = distil(embeddings, shuffled, epochs=2)
    assert agreement(early, *questions(300, seed=2)) < 0.7


def test_the_same_seed_gives_the_same_gate() -> None:
    one, other = (distil(*questions(60, seed=1), epochs=2, seed=5) for _ in range(2))
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])


def test_it_is_stored_like_any_gate(tmp_path) -> None:  # type: ignore[no-untyped-def]
    early = distil(*questions(60, seed=1), epochs=1)
    save_gate(early, tmp_path)
    again = load_gate(tmp_path)
    assert again.config.kind is GateKind.EARLY
    embeddings, _ = questions(10, seed=4)
    assert torch.equal(again(None, embeddings), early(None, embeddings))


def test_no_question() -> None:
    with pytest.raises(TrainingError, match="no question"):
        distil(torch.empty(0, 8), torch.empty(0, 3))


def test_other_gates_need_previews() -> None:
    gate = Gate(GateConfig(adapters=2, preview=4, embedding_size=8))
    with pytest.raises(ValueError, match="previews"):
        gate(None, torch.zeros(1, 8))
