"""Task examples through a translator."""

from __future__ import annotations

from translation_helpers import Spoken

from polycypher.machine_translation.examples import translate_examples
from polycypher.tasks.registry import TASKS
from polycypher.tasks.task import TaskExample


def test_lines_are_translated_and_labels_are_not() -> None:
    example = TaskExample("1", "en", "it rains\nit is dry", ("contradiction",), ("contradiction",), "ctx")
    there = TaskExample("2", "de", "schon\nda", ("contradiction",), ("contradiction",), "ctx")
    engine = Spoken()
    assert translate_examples(TASKS["xnli"], [there, example], engine, "de") == [
        there, TaskExample("1", "de", "IT RAINS\nIT IS DRY", ("contradiction",), ("contradiction",), "ctx"),
    ]  # fmt: skip
    assert engine.asked == [["it rains", "it is dry"]]


def test_answers_that_are_pieces_of_the_text_are_translated() -> None:
    examples = [
        TaskExample("1", "en", "it rains\nwhat?", ("rain", "it rains")),
        TaskExample("2", "tr", "kar\nne?", ("kar",)),
    ]
    assert translate_examples(TASKS["tydiqa"], examples, Spoken(), "fi") == [
        TaskExample("1", "fi", "IT RAINS\nWHAT?", ("RAIN", "IT RAINS")),
        TaskExample("2", "fi", "KAR\nNE?", ("KAR",)),
    ]
