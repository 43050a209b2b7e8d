"""Task examples in another language: their lines, and their answers where these are pieces of the text.

What a pair of parallel texts lacks, a translator makes: translate-train its targets, translate-test and FLARE
its sources. Knows nothing of engines or models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from polycypher.machine_translation.protocol import MachineTranslator
from polycypher.tasks.task import Task, TaskExample


def translate_examples(
    task: Task, examples: Sequence[TaskExample], translator: MachineTranslator, target: str
) -> list[TaskExample]:
    """The examples in the language `target`, line by line, in their order; those in it already stay.

    Labels and queries stay as they are; accepted answers that are pieces of the text (`answers_translate`)
    are translated too.

    Raises:
        ModelError, UsageError: as the translator.
    """
    found = list(examples)
    for source in dict.fromkeys(example.language for example in examples if example.language != target):
        places = [place for place, example in enumerate(examples) if example.language == source]
        asked = [line for place in places for line in examples[place].lines]
        if task.answers_translate:
            asked += [answer for place in places for answer in examples[place].answers]
        said = iter(translator.translate(asked, source, target))
        for place in places:
            example = examples[place]
            found[place] = example.translated([next(said) for _ in example.lines], target)
        if task.answers_translate:
            for place in places:
                answers = tuple(next(said) for _ in examples[place].answers)
                found[place] = replace(found[place], answers=answers)
    return found
