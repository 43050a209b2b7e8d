"""Ways of cross-lingual transfer on a task that has files: XNLI, NusaX, TyDiQA, MLQA, Text2Cypher.

Files → parallel items (what they lack comes from a translator) → answers by each method → the task's own
measures. Knows nothing of studies or recipes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from polycypher.adapters.lora import LoraAdapter
from polycypher.corpus.prompt import COMPACT
from polycypher.errors import CorpusError, UsageError
from polycypher.evaluation.text import cypher_rouge_l, rouge_l
from polycypher.flare.encoder import LatentEncoder
from polycypher.flare.experiment import LATENT, METHODS, TRAINED, Outcome, TransferSettings, transfer
from polycypher.flare.items import Frame, ParallelItem, frame_of, items_of
from polycypher.flare.settings import FlareSettings
from polycypher.flare.storage import FlareIdentity
from polycypher.machine_translation.examples import translate_examples
from polycypher.machine_translation.languages import flores_code
from polycypher.machine_translation.open import open_translator
from polycypher.machine_translation.protocol import MachineTranslator
from polycypher.tasks.registry import task_named
from polycypher.tasks.task import Task, TaskExample
from polycypher.translator.bundle import fingerprint
from polycypher.translator.loading import load_base

_NEED_NO_SOURCE = ("zero-shot", "translate-test", "translate-train")

Waiting = Callable[[str], AbstractContextManager[Any]]
"""Shows that a method works, for so long."""


@dataclass(frozen=True, slots=True)
class TaskComparison:
    """What to compare, and on what.

    Attributes:
        task: its name in `tasks.registry.TASKS`.
        methods: of `flare.experiment.METHODS`.
        model: a Hugging Face folder of the base.
        source, target: the language that the model knows the task in, and the one to answer in.
        test, source_test: test examples; those in the source language may be in the same file.
        train, source_train: training examples, likewise; for methods that train.
        adapter: the task's LoRA in the source language, a PEFT folder; None where the base knows the task.
        translator: `nllb:FOLDER_OR_ID` or `file:PATH`; makes the texts that no file has.
        folder: for trained adapters.
        training: `epochs` and `rate` where they are not the defaults.
        batch: examples answered at once.
        device: as PyTorch names it.
        seed: of first weights and order.
    """

    task: str
    methods: tuple[str, ...]
    model: Path
    source: str
    target: str
    test: Path
    source_test: Path | None = None
    train: Path | None = None
    source_train: Path | None = None
    adapter: Path | None = None
    translator: str | None = None
    folder: Path = Path("transfer")
    training: dict[str, Any] = field(default_factory=dict)
    batch: int = 32
    device: str = "cpu"
    seed: int = 0

    def check(self) -> None:
        """Refuse what cannot be run, before anything is read.

        Raises:
            UsageError: names the option.
        """
        task_named(self.task)
        if unknown := [name for name in self.methods if name not in METHODS]:
            raise UsageError(
                f"--mode: no transfer method is named '{unknown[0]}'; there are {', '.join(METHODS)}"
            )
        kind, _, engine = (self.translator or "").partition(":")
        if LATENT in self.methods and (kind != "nllb" or not engine):
            raise UsageError(f"--mode {LATENT} needs --translator nllb:FOLDER_OR_ID")
        if self.training.get("rate", 1.0) <= 0:
            raise UsageError(f"--rate {self.training['rate']:g} learns nothing; give one above zero")
        trained = [name for name in self.methods if name in TRAINED]
        if trained and self.train is None and self.source_train is None:
            raise UsageError(f"--mode {trained[0]} needs --train or --source-train")


def compare_on_task(wanted: TaskComparison, waiting: Waiting = nullcontext) -> dict[str, Any]:
    """Train what each method needs, answer the test examples, and measure.

    Returns:
        `task`, `source`, `target`, `examples`, and `rows`: of each method `scores`, `parameters`, `samples`,
        `minutes` of training and `seconds` of answering.

    Raises:
        UsageError: something is missing or contradicts itself; the option is named.
        CorpusError: a file cannot be used; file and row are named.
        ModelError, AdapterError, TrainingError: the model or an adapter cannot be used, or a training fails.
    """
    wanted.check()
    task, source, target = task_named(wanted.task), wanted.source, wanted.target
    trained = [name for name in wanted.methods if name in TRAINED]
    translator = (
        None
        if wanted.translator is None
        else open_translator(wanted.translator, device=wanted.device, keep_quoted=True)
    )
    tests = _items(
        task,
        wanted.test,
        wanted.source_test,
        source,
        target,
        translator,
        needs_source=any(name not in _NEED_NO_SOURCE for name in wanted.methods),
        translated="translate-test" in wanted.methods,
    )
    trains: list[ParallelItem] = []
    if trained:
        trains = _items(
            task,
            wanted.train,
            wanted.source_train,
            source,
            target,
            translator,
            needs_source=trained != ["translate-train"],
        )
    base, tokenizer = load_base(wanted.model, device=wanted.device)
    over = [] if wanted.adapter is None else [LoraAdapter.load(wanted.adapter)]
    settings = TransferSettings(FlareSettings(**wanted.training), batch=wanted.batch)
    encoder = None
    if LATENT in wanted.methods:
        engine = (wanted.translator or "").partition(":")[2]
        encoder = LatentEncoder.load(engine, language=flores_code(target), device=wanted.device)
    rows = []
    for name in wanted.methods:
        with waiting(name):
            outcome = transfer(
                name,
                base,
                over,
                _frame(task, tokenizer),
                trains,
                tests,
                wanted.folder,
                identity=FlareIdentity(source, target, str(wanted.model), fingerprint(wanted.model)),
                settings=settings,
                encoder=encoder,
                seed=wanted.seed,
            )
        rows.append(_row(task, outcome, tests, translator, source, target))
    return {"task": wanted.task, "source": source, "target": target, "examples": len(tests), "rows": rows}


def _frame(task: Task, tokenizer: Any) -> Frame:
    """How items are asked; Text2Cypher's prompt in the very tokens that adapters are trained on."""
    frame = frame_of(task, tokenizer)
    if task.name != "text2cypher":
        return frame
    # the template tokenises its parts one by one, and tokens could span two of them
    return replace(frame, prompt=lambda item, text: COMPACT.encode(tokenizer, item.context.context, text))


def _items(
    task: Task,
    path: Path | None,
    source_path: Path | None,
    source: str,
    target: str,
    translator: MachineTranslator | None,
    *,
    needs_source: bool,
    translated: bool = False,
) -> list[ParallelItem]:
    """The examples of the files as parallel items; what the files lack comes from the translator."""

    def other(examples: Sequence[TaskExample], language: str, why: str) -> list[TaskExample]:
        if translator is None:
            raise UsageError(f"{why}; give a file with them, or --translator")
        return translate_examples(task, examples, translator, language)

    targets = [] if path is None else _read(task, path, target)
    sources = _told(task, path, source) if source_path is None else _read(task, source_path, source)
    if not targets:
        if not sources:
            raise UsageError(f"{path} holds no example in {target} or {source}")
        targets = other(sources, target, f"there are no texts in {target}")
    elif not sources and needs_source:
        sources = other(targets, source, f"there are no texts in {source} beside those in {target}")
    translations = None
    if translated:
        why = f"translate-test needs the texts in {source} as translated from {target}"
        translations = [example.text for example in other(targets, source, why)]
    # where no method looks at a source, the target stands for it
    return items_of(targets, sources or targets, translations)


def _told(task: Task, path: Path | None, language: str) -> list[TaskExample]:
    """The examples of a language in a file that tells its languages; none of another file."""
    if path is None:
        return []
    try:
        everything = task.read(path)
    except CorpusError:
        return []
    return [example for example in everything if example.language == language]


def _read(task: Task, path: Path, language: str) -> list[TaskExample]:
    """The examples of a language; none if the file tells that it is in others."""
    try:
        everything = task.read(path)
    except CorpusError:
        return task.read(path, language)  # which says what is wrong, if that was not it
    return [example for example in everything if example.language == language]


def _row(
    task: Task,
    outcome: Outcome,
    items: Sequence[ParallelItem],
    translator: MachineTranslator | None,
    source: str,
    target: str,
) -> dict[str, Any]:
    """A method's scores and costs."""
    answers = list(outcome.answers)
    if task.answers_translate and outcome.method == "translate-test" and translator is not None:
        answers = translator.translate(answers, source, target)
    if task.scorer is not None:
        scores = task.score([item.context for item in items], answers)
    else:
        pairs = [(item.answer, answer) for item, answer in zip(items, answers, strict=True)]
        scores = {
            "cypher_rouge_l": sum(cypher_rouge_l(*pair) for pair in pairs) / len(pairs),
            "rouge_l": sum(rouge_l(*pair) for pair in pairs) / len(pairs),
        }
    return {
        "method": outcome.method,
        "scores": scores,
        "parameters": outcome.parameters,
        "samples": outcome.samples,
        "minutes": outcome.minutes,
        "seconds": outcome.seconds,
    }
