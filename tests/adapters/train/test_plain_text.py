"""Plain text as rows: every token predicted once, from the token before it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_loop import SETTINGS, XX

from polycypher.adapters.train.folder import read_log
from polycypher.adapters.train.loop import AnswerLoss, train_adapter
from polycypher.adapters.train.packing import pack
from polycypher.adapters.train.text import text_rows
from polycypher.errors import TrainingError
from tiny_models import END, TEXTS, tiny_llama, tiny_tokenizer

TEXT = st.text(alphabet="abcçğ é. MATCH<end>", min_size=1, max_size=60).filter(str.strip)


@given(text=TEXT, longest=st.integers(2, 20), start=st.none() | st.just(7))
def test_every_token_is_predicted_once(text: str, longest: int, start: int | None) -> None:
    tokenizer = tiny_tokenizer()
    rows = text_rows([text], tokenizer, start=start, longest=longest)
    said = [row.suffix[0] for row in rows[:1]] + [token for row in rows for token in row.answer]
    tokens = said[:-1] if start is None else said[1:-1]
    assert tokenizer.decode(tokens, clean_up_tokenization_spaces=False) == text
    assert said[-1] == END
    assert END not in tokens
    assert start is None or said[0] == start
    for before, after in pairwise(rows):
        assert after.suffix == before.answer[-1:]
    assert all(row.prefix == () and len(row.suffix) + len(row.answer) <= longest for row in rows)


def test_white_space_makes_no_row_and_texts_stay_apart() -> None:
    rows = text_rows(["", " \n", *TEXTS], tiny_tokenizer())
    assert len(rows) == len(TEXTS)


def test_the_loss_is_that_of_the_sequences_apart() -> None:
    model = tiny_llama(vocabulary=360)
    rows = text_rows(TEXTS[:3], tiny_tokenizer(), start=2)
    batch = pack([rows])
    together = AnswerLoss(model, "no")(batch.ids, batch.mask(torch.float32), batch.positions, batch.labels)
    apart = 0.0
    for row in rows:
        ids = torch.tensor([[*row.suffix, *row.answer]])
        apart += model(input_ids=ids, labels=ids).loss.item() * len(row.answer)
    assert together.item() == pytest.approx(apart, rel=1e-5)


def test_the_loop_learns_plain_text(tmp_path: Path) -> None:
    rows = text_rows(TEXTS, tiny_tokenizer(), longest=40)
    settings = SETTINGS.model_copy(update={"epochs": 20, "longest": 40})
    train_adapter(tiny_llama(vocabulary=360), rows, settings, tmp_path, identity=XX)
    log = read_log(tmp_path)
    assert log[-1]["loss"] < 0.8 * log[0]["loss"]


def test_what_ends_nothing_is_refused() -> None:
    with pytest.raises(TrainingError, match="end token"):
        text_rows(["a"], SimpleNamespace(bos_token_id=None, eos_token_id=None))
    with pytest.raises(TrainingError, match="2 or more"):
        text_rows(["a"], tiny_tokenizer(), longest=1)
