"""Questions that come and go: what is written does not depend on when prompts are read, or who is there."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from polycypher.corpus.prompt import PromptTokens
from polycypher.fusion.decoding import Decoded, Decoding
from polycypher.fusion.fused import FusedDecoder
from polycypher.fusion.modes import Mode
from polycypher.fusion.reading import Question, Reader, Reading
from polycypher.fusion.stacked import StackedAdapter
from tiny_models import END, gated_decoder, random_adapters, random_ids, tiny_llama

K = 3
STEPS = 8
MODES = (Mode.LOGITS, Mode.PRUNED, Mode.MERGED, Mode.TOP1, Mode.EARLY)


def question(number: int, **more: Any) -> Question:
    prefix = random_ids((14, 6)[number % 2], seed=40).tolist()
    prompt = PromptTokens(prefix, random_ids(3 + number % 5, seed=number).tolist(), (0, 3))
    return Question(prompt, MODES[number % len(MODES)], **more)


def alone(decoder: FusedDecoder, numbers: Sequence[int]) -> list[Decoded]:
    return [decoder.decode_batch([question(number)], most=STEPS)[0] for number in numbers]


@pytest.mark.parametrize("overlap", [False, True])
def test_who_joins_later_is_answered_as_if_alone(overlap: bool) -> None:
    decoder = gated_decoder(K)
    decoding = decoder.start(most=STEPS, overlap=overlap)
    joined: list[int] = []
    found: list[tuple[int, Decoded]] = []
    for numbers in ([0, 1, 2], [3], [4, 5, 6, 7], [8, 9]):
        given, finished = decoding.add([question(number) for number in numbers])
        joined += given
        found += finished
        if decoding.questions:
            found += decoding.step()
    while decoding.questions:
        found += decoding.step()
    decoding.close()
    assert joined == list(range(10))
    assert sorted(number for number, _ in found) == joined
    for expected, (_, decoded) in zip(
        alone(decoder, joined), sorted(found, key=lambda one: one[0]), strict=True
    ):
        assert decoded.ids == expected.ids
        assert decoded.rows == expected.rows
        assert decoded.weights == pytest.approx(expected.weights, abs=1e-5)
        assert decoded.gate_seconds > 0
        assert 0 <= decoded.first_seconds <= decoded.decode_seconds


class Held(FusedDecoder):
    """Weighs only when it is let: until then prompts are being read."""

    let: threading.Event
    fails = False

    def gated(self, questions: Sequence[Question], states: Any) -> Tensor:
        assert self.let.wait(30)
        if self.fails:
            raise RuntimeError("the gate fell over")
        return super().gated(questions, states)


def held() -> tuple[Held, Decoding]:
    decoder = gated_decoder(K)
    made = Held(decoder.model, decoder.stacked, decoder.gate, end=END, early=decoder.early)
    made.let = threading.Event()
    return made, made.start(most=STEPS, overlap=True)


def test_answers_are_written_while_the_next_prompt_is_read() -> None:
    decoder, decoding = held()
    (early,), found = decoding.add([question(4)])  # needs no gate
    found += decoding.step()
    (late,), _ = decoding.add([question(0)])
    assert decoding.questions == 2
    while not any(number == early for number, _ in found):
        found += decoding.step()
    decoder.let.set()
    while decoding.questions:
        found += decoding.step()
    decoding.close()
    assert [number for number, _ in found] == [early, late]
    assert [decoded.ids for _, decoded in found] == [one.ids for one in alone(gated_decoder(K), [4, 0])]


def test_a_question_can_be_given_up_while_its_prompt_is_read_and_while_it_is_answered() -> None:
    decoder, decoding = held()
    (one, other), _ = decoding.add([question(0), question(2)])
    decoding.drop([one])
    decoder.let.set()
    found = decoding.step()
    assert decoding.questions == 1
    while decoding.questions:
        found += decoding.step()
    assert [number for number, _ in found] == [other]
    decoding.add([question(0)])
    decoding.step()
    decoding.drop([2])
    assert not decoding.questions
    decoding.close()


class AtOnce:
    """Ends an answer at its first token; whoever asks it waits until it is let."""

    def __init__(self, let: threading.Event) -> None:
        self.let = let

    def allows(self, token_id: int) -> bool:
        assert self.let.wait(30)
        return token_id == END

    def mask(self) -> Tensor:
        return torch.arange(96) == END

    def advance(self, token_id: int) -> None:
        raise AssertionError("nothing comes after the end")


def test_a_question_given_up_while_it_is_read_is_not_told_even_if_it_ends_at_once() -> None:
    decoder, decoding = held()
    let = threading.Event()
    let.set()
    (one, other), _ = decoding.add([question(0, mask=AtOnce(let)), question(2, mask=AtOnce(let))])
    decoding.drop([one])
    decoder.let.set()
    found = []
    while decoding.questions:
        found += decoding.step()
    decoding.close()
    assert [(number, decoded.ids) for number, decoded in found] == [(other, [])]


def test_prompts_that_nobody_waits_for_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder, decoding = held()
    read: list[int] = []
    reading = Reader.read

    def counted(self: Reader, questions: Sequence[Question], known: Any) -> list[Reading]:
        read.append(len(questions[0].prompt.suffix))
        return reading(self, questions, known)

    monkeypatch.setattr(Reader, "read", counted)
    decoding.add([question(0)])  # holds the thread until it is let
    for number in (1, 2, 3):
        (given,), _ = decoding.add([question(number)])
        decoding.drop([given])
    assert decoding.questions == 1
    (last,), _ = decoding.add([question(4)])
    decoder.let.set()
    found = []
    while decoding.questions:
        found += decoding.step()
    decoding.close()
    assert sorted(number for number, _ in found) == [0, last]
    assert read == [len(question(number).prompt.suffix) for number in (0, 4)]


def test_a_mask_that_is_long_in_the_making_holds_up_no_answer() -> None:
    decoding = gated_decoder(K).start(most=STEPS, overlap=True)
    (quick,), found = decoding.add([question(4)])
    found += decoding.step()
    let = threading.Event()
    (slow,), _ = decoding.add([question(3, mask=AtOnce(let))])
    while not found:
        found += decoding.step()
    assert [number for number, _ in found] == [quick]
    let.set()
    while decoding.questions:
        found += decoding.step()
    decoding.close()
    assert [number for number, _ in found] == [quick, slow]


def test_what_fails_in_reading_is_told_by_the_next_step() -> None:
    decoder, decoding = held()
    decoder.fails = True
    decoding.add([question(0)])
    decoder.let.set()
    with pytest.raises(RuntimeError, match="fell over"):
        decoding.step()
    decoding.close()


def test_nothing_is_asked_of_nobody() -> None:
    assert gated_decoder(K).decode_batch([]) == []


def test_without_a_gate_weights_must_be_given() -> None:
    base = tiny_llama()
    decoder = FusedDecoder(base, StackedAdapter(base, random_adapters(base, K)), None, end=END)
    with pytest.raises(ValueError, match="needs a gate"):
        decoder.decode_batch([question(0)])
    with pytest.raises(ValueError, match="needs its gate"):
        decoder.decode_batch([question(4)])
