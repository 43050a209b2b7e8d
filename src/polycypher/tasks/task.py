"""`Task`: how to read a task's files, what a model is asked, and how its answers are scored.

A model, its training and machine translation are for the caller; this room knows nothing of them. What a
translator may translate is `TaskExample.lines`; everything else of a prompt is the task's frame, in English.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from polycypher.errors import CorpusError, UsageError


@dataclass(frozen=True, slots=True)
class TaskExample:
    """One example in one language.

    `text` is what is said in that language, one part a line (a premise and a hypothesis, a passage and a
    question), `answers` the accepted answers, the first one to train on, and `choices` all that an answer
    can be, in the task's order, or nothing where the answer is free text. `context` stands in the prompt
    untranslated (a graph schema). Examples of parallel files that are translations of each other share
    their `id`.
    """

    id: str
    language: str
    text: str
    answers: tuple[str, ...]
    choices: tuple[str, ...] = ()
    context: str = ""

    @property
    def lines(self) -> list[str]:
        """The parts of `text`, to translate one by one."""
        return self.text.split("\n")

    def translated(self, lines: Sequence[str], language: str) -> TaskExample:
        """The same example with its lines in another language; its answers stay as they are.

        Raises:
            UsageError: there are more or fewer lines than before.
        """
        if len(lines) != len(self.lines):
            raise UsageError(
                f"example '{self.id}' has {len(self.lines)} lines and its translation {len(lines)}; "
                "translate line by line"
            )
        return replace(self, text=joined(*lines), language=language)


Read = Callable[[Path, str | None], list[TaskExample]]
Score = Callable[[Sequence[TaskExample], Sequence[str]], dict[str, float]]


@dataclass(frozen=True, slots=True)
class Task:
    """A named task.

    `metrics` are the names that `score` returns, the one that the task is judged by first.
    `answers_translate` says that an answer is a piece of the text, so that who translates the text has to
    translate the answer too (TyDiQA), and not a label or a query, which is the same in every language.
    """

    name: str
    metrics: tuple[str, ...]
    read_file: Read
    prompt: Callable[[TaskExample], str]
    scorer: Score | None = None
    answers_translate: bool = False

    def read(self, path: Path | str, language: str | None = None) -> list[TaskExample]:
        """The examples of a file.

        Where the file tells its languages, `language` keeps that one's; where it does not, it says what
        language the file is in.

        Raises:
            CorpusError: unreadable file, a row that is none, no row in the language, an id repeated in
                one language, or a file that does not tell its language while `language` is None. File and
                row are named.
        """
        found = self.read_file(Path(path), language)
        if not found:
            raise CorpusError(
                f"{path} holds no example{f' in {language}' if language else ''} of the task {self.name}"
            )
        seen: set[tuple[str, str]] = set()
        for example in found:
            if (example.id, example.language) in seen:
                raise CorpusError(
                    f"{path}: two rows have the id '{example.id}' in {example.language}; give each its own"
                )
            seen.add((example.id, example.language))
        return found

    def score(self, examples: Sequence[TaskExample], predictions: Sequence[str]) -> dict[str, float]:
        """The scores of predictions, one an example in their order: metric → value in [0, 1].

        Raises:
            UsageError: no example, not one prediction each, or a task that somebody else scores.
        """
        if self.scorer is None:
            raise UsageError(f"the task {self.name} has no score of its own; use `polycypher.evaluation`")
        _check(examples, predictions)
        return self.scorer(examples, predictions)

    def score_by_language(
        self, examples: Sequence[TaskExample], predictions: Sequence[str]
    ) -> dict[str, dict[str, float]]:
        """`score` of every language apart: language → metric → value.

        Raises:
            UsageError: as in `score`.
        """
        _check(examples, predictions)
        languages = dict.fromkeys(example.language for example in examples)
        apart = {
            language: [
                pair for pair in zip(examples, predictions, strict=True) if pair[0].language == language
            ]
            for language in languages
        }
        return {
            language: self.score([pair[0] for pair in pairs], [pair[1] for pair in pairs])
            for language, pairs in apart.items()
        }


def average(
    by_language: Mapping[str, Mapping[str, float]], *, without: Iterable[str] = ()
) -> dict[str, float]:
    """The mean of each metric over languages, each counting the same, some left out.

    TyDiQA-GoldP leaves English out, as its training data is English where transfer is measured.

    Raises:
        UsageError: no language is left.
    """
    left = set(without)
    kept = [scores for language, scores in by_language.items() if language not in left]
    if not kept:
        raise UsageError("no language is left to average over; leave fewer out")
    return {metric: sum(scores[metric] for scores in kept) / len(kept) for metric in kept[0]}


def parallel(
    targets: Sequence[TaskExample], sources: Sequence[TaskExample]
) -> list[tuple[TaskExample, TaskExample]]:
    """Each target example with the source example of its id, in the targets' order.

    Raises:
        CorpusError: a target without a source, or an id that two sources have.
    """
    by_id: dict[str, TaskExample] = {}
    for source in sources:
        if source.id in by_id:
            raise CorpusError(f"two source examples have the id '{source.id}'; give each its own")
        by_id[source.id] = source
    if missing := [target.id for target in targets if target.id not in by_id]:
        raise CorpusError(
            f"{len(missing)} of {len(targets)} examples have no parallel source, '{missing[0]}' first; "
            "give files of the same examples, or a translator"
        )
    return [(target, by_id[target.id]) for target in targets]


def joined(*parts: str) -> str:
    """The parts as a `text`: one a line, the line breaks and runs of blanks inside them single blanks."""
    return "\n".join(" ".join(part.split()) for part in parts)


def _check(examples: Sequence[TaskExample], predictions: Sequence[str]) -> None:
    """Refuse what is not one prediction for each of some examples."""
    if not examples or len(examples) != len(predictions):
        raise UsageError(
            f"{len(predictions)} predictions for {len(examples)} examples; give one for each example"
        )
