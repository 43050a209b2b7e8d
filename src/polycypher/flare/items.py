"""`ParallelItem`: one thing to answer in two languages, and `Frame`: how texts become tokens and back.

Any task can be run: a `Frame` is made of the caller's own functions, or from a task of `polycypher.tasks`
and a tokenizer. Knows nothing of models or methods.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from polycypher.corpus.prompt import PromptTokens
from polycypher.errors import UsageError
from polycypher.tasks.task import Task, TaskExample, parallel

_TEXT = "\ue000"
"""Stands for a text's line where only the frame around it is wanted."""


@dataclass(frozen=True, slots=True)
class ParallelItem:
    """What is asked in the target language, with the same in the source language beside it.

    `source` is what FLARE and input-level fusion look at: a parallel text, or one by a translator.
    `translation` is the target's text in the source language by a translator, for translate-test. `choices`
    are all that an answer can be, or nothing where it is free text. `context` is for the frame alone (a
    schema, a `TaskExample`).
    """

    id: str
    source: str
    target: str
    answer: str
    translation: str | None = None
    choices: tuple[str, ...] = ()
    context: Any = None


@dataclass(frozen=True, slots=True)
class Frame:
    """How items are asked.

    `prompt` makes the prompt of an item with a text in the target's place; `tokens` those of an answer,
    without the end token `end`; `text` is what an answer's tokens say. `between` stands between two texts in
    one prompt.
    """

    prompt: Callable[[ParallelItem, str], PromptTokens]
    tokens: Callable[[str], Sequence[int]]
    text: Callable[[Sequence[int]], str]
    end: int
    between: tuple[int, ...] = ()

    def answer(self, text: str) -> tuple[int, ...]:
        """An answer's tokens with the end token."""
        return (*self.tokens(text), self.end)

    def both(self, item: ParallelItem) -> PromptTokens:
        """Input-level fusion: one prompt with the source's text and then the target's."""
        source, target = self.prompt(item, item.source), self.prompt(item, item.target)
        start, stop = source.question
        before = [*source.suffix[start:stop], *self.between]
        return PromptTokens(target.prefix, before + target.suffix, (0, len(before) + target.question[1]))


def items_of(
    targets: Sequence[TaskExample],
    sources: Sequence[TaskExample],
    translations: Sequence[str] | None = None,
) -> list[ParallelItem]:
    """A task's examples in the target language with those of the same ids in the source language.

    Args:
        targets: in this order.
        sources: in any order.
        translations: the targets' texts in the source language, for translate-test.

    Raises:
        CorpusError: a target without a source.
        UsageError: not as many translations as targets.
    """
    if translations is not None and len(translations) != len(targets):
        raise UsageError(f"{len(translations)} translations for {len(targets)} examples; give one for each")
    return [
        ParallelItem(
            target.id,
            source.text,
            target.text,
            target.answers[0],
            None if translations is None else translations[number],
            target.choices,
            target,
        )
        for number, (target, source) in enumerate(parallel(targets, sources))
    ]


def frame_of(task: Task, tokenizer: Any) -> Frame:
    """The frame of a task, for items of `items_of`.

    A prompt is split where the task puts the text: what precedes is shared by both languages.
    """

    def plain(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))

    def prompt(item: ParallelItem, text: str) -> PromptTokens:
        example = replace(item.context, text=text)
        marked = task.prompt(replace(example, text="\n".join(_TEXT for _ in example.lines)))
        head, tail = marked.partition(_TEXT)[0], marked.rpartition(_TEXT)[2]
        whole = task.prompt(example)
        asked = plain(whole[len(head) : len(whole) - len(tail)])
        return PromptTokens(plain(head), asked + plain(tail), (0, len(asked)))

    return Frame(
        prompt,
        plain,
        lambda ids: str(tokenizer.decode(list(ids), skip_special_tokens=True)).strip(),
        int(tokenizer.eos_token_id),
        tuple(plain("\n")),
    )
