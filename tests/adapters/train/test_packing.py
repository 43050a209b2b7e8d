"""A pack's loss is that of its questions one by one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from polycypher.adapters.train.loop import AnswerLoss
from polycypher.adapters.train.packing import IGNORED, TrainingRow, pack
from tiny_models import random_ids, tiny_llama


def row(prefix: int, suffix: int, answer: int, seed: int = 0) -> TrainingRow:
    own = random_ids(suffix + answer, seed=seed + 1).tolist()
    return TrainingRow(tuple(random_ids(prefix, seed=7).tolist()), tuple(own[:suffix]), tuple(own[suffix:]))


def plain_loss(model: torch.nn.Module, one: TrainingRow) -> torch.Tensor:
    ids = torch.tensor([[*one.prefix, *one.suffix, *one.answer]])
    logits = model(input_ids=ids).logits[0, -len(one.answer) - 1 : -1]
    return torch.nn.functional.cross_entropy(logits, torch.tensor(one.answer), reduction="sum")


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_a_pack_costs_what_its_questions_cost_one_by_one(attention: str) -> None:
    model = tiny_llama()
    model.set_attn_implementation(attention)
    packs = [[row(9, 4, 3, 1), row(9, 6, 1, 2), row(9, 1, 5, 3)], [row(5, 2, 2, 4)]]
    batch = pack(packs)
    packed = AnswerLoss(model, "no")(batch.ids, batch.mask(torch.float32), batch.positions, batch.labels)
    alone = sum(plain_loss(model, one) for rows in packs for one in rows)
    torch.testing.assert_close(packed, alone, rtol=1e-5, atol=1e-4)


def test_every_answer_token_is_predicted_once() -> None:
    rows = [row(9, 4, 3, 1), row(9, 6, 1, 2)]
    labels = pack([rows]).labels
    assert labels[labels != IGNORED].tolist() == [*rows[0].answer, *rows[1].answer]


def test_rows_of_different_schemas_are_no_pack() -> None:
    with pytest.raises(ValueError, match="share one prefix"):
        pack([[row(9, 2, 2), row(8, 2, 2)]])


@given(st.integers(0, 40), st.integers(1, 9), st.integers(1, 9), st.integers(20, 60))
def test_what_is_too_long_is_cut_on_the_left(prefix: int, suffix: int, answer: int, most: int) -> None:
    whole = row(prefix, suffix, answer)
    cut = whole.cut_to(most)
    assert (cut.suffix, cut.answer) == (whole.suffix, whole.answer)
    assert len(cut.prefix) + suffix + answer == min(most, prefix + suffix + answer)
    assert whole.prefix[len(whole.prefix) - len(cut.prefix) :] == cut.prefix
