"""One pass over a schema and its questions equals a pass over each sequence alone."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from polycypher.nano.data import make_batch
from polycypher.nano.forward import Batch, Shape, hidden_states, loss
from tiny_models import random_ids, tiny_llama

LENGTHS = [9, 4, 12]
PREFIX = random_ids(21).tolist()
ROWS = [(random_ids(length, seed=length).tolist(), 3) for length in LENGTHS]


def a_batch(rows: list[tuple[list[int], int]] = ROWS) -> Batch:
    """Rows padded to 16 places, the schema to 64."""
    return make_batch(PREFIX, rows, 16, 0.0)


def weights_of(model: Any) -> dict[str, Tensor]:
    return dict(model.named_parameters())


@torch.inference_mode()
def alone(model: Any, row: list[int]) -> Tensor:
    """The row's hidden states after the schema, in a pass of its own."""
    states: Tensor = model.model(input_ids=torch.tensor([PREFIX + row])).last_hidden_state[0, len(PREFIX) :]
    return states


@pytest.mark.parametrize("heads", [2, 4])
def test_each_row_is_a_sequence_of_its_own(heads: int) -> None:
    model = tiny_llama(heads=heads, tied=True)
    batch = a_batch()
    assert batch.prefix.shape == (64,)  # both parts are padded, else nothing is tested
    found = hidden_states(weights_of(model), Shape.of(model.config), batch)
    assert found.shape == (3, 16, 32)
    for index, (row, _) in enumerate(ROWS):
        torch.testing.assert_close(found[index, : len(row)], alone(model, row), atol=1e-4, rtol=0)


def test_rows_do_not_see_each_other() -> None:
    model = tiny_llama(tied=True)
    other = [ROWS[0], (random_ids(12, seed=77).tolist(), 3), ROWS[2]]
    one, two = (
        hidden_states(weights_of(model), Shape.of(model.config), a_batch(rows)) for rows in (ROWS, other)
    )
    torch.testing.assert_close(two[[0, 2]], one[[0, 2]], atol=1e-5, rtol=0)
    assert (two[1] - one[1]).abs().max() > 0.1


def test_what_stands_in_the_padding_does_not_count() -> None:
    model = tiny_llama(tied=True)
    batch = a_batch()
    before = hidden_states(weights_of(model), Shape.of(model.config), batch)
    batch.prefix[len(PREFIX) :] = 50
    batch.rows[0, LENGTHS[0] :] = 51
    after = hidden_states(weights_of(model), Shape.of(model.config), batch)
    for index, length in enumerate(LENGTHS):
        torch.testing.assert_close(after[index, :length], before[index, :length], atol=1e-5, rtol=0)


def test_the_loss_is_the_weighted_cross_entropy_of_each_sequence() -> None:
    model = tiny_llama(tied=True)
    batch = a_batch()
    batch.weights[:] = torch.linspace(0.2, 1.0, len(batch.weights))
    total, place = 0.0, 0
    for row, prompt in ROWS:
        log_p = model.lm_head(alone(model, row)).log_softmax(-1)
        for at in range(prompt - 1, len(row) - 1):
            total -= float(batch.weights[place]) * float(log_p[at, row[at + 1]])
            place += 1
    assert place == len(batch.labels)
    found = loss(weights_of(model), Shape.of(model.config), batch)
    assert float(found) == pytest.approx(total / float(batch.weights.sum()), abs=1e-4)


def test_gradients_are_those_of_the_separate_sequences() -> None:
    model = tiny_llama(tied=True).requires_grad_(True)
    loss(weights_of(model), Shape.of(model.config), a_batch()).backward()
    found = {name: w.grad.clone() for name, w in model.named_parameters()}
    model.zero_grad()
    count = sum(len(row) - prompt for row, prompt in ROWS)
    for row, prompt in ROWS:
        ids = torch.tensor([PREFIX + row])
        labels = ids.clone()
        labels[0, : len(PREFIX) + prompt] = -100
        (model(input_ids=ids, labels=labels).loss * (len(row) - prompt) / count).backward()
    for name, w in model.named_parameters():
        torch.testing.assert_close(found[name], w.grad, atol=1e-4, rtol=1e-3)


def test_bfloat16_stays_near() -> None:
    model = tiny_llama(tied=True)
    exact = hidden_states(weights_of(model), Shape.of(model.config), a_batch())
    rough = hidden_states(
        {name: w.bfloat16() for name, w in weights_of(model).items()}, Shape.of(model.config), a_batch()
    )
    assert rough.dtype == torch.bfloat16
    cosine = torch.nn.functional.cosine_similarity(rough[0, :9].float(), exact[0, :9], dim=-1)
    assert cosine.min() > 0.99


def test_the_shape_is_read_from_the_configuration() -> None:
    shape = Shape.of(tiny_llama(heads=2).config)
    assert (shape.layers, shape.heads, shape.theta) == (2, 2, 5e5)
    assert math.isclose(shape.epsilon, 1e-6)
