"""The study's report: `report.md` and a self-contained `report.html` from the same content, with pictures.

The content is a list of blocks (heading, paragraph, list, table, picture), written down once and rendered
twice. A part that was not run is said to be missing, and what fell short stands as high up as what held.
Questions are untrusted text: both forms escape all they are given. Needs jinja2 and, for the pictures,
matplotlib (`pip install polycypher[study]`). Knows nothing of how the results came about.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from polycypher.errors import UsageError
from polycypher.study import paper, plots, reading, tables
from polycypher.study.aims import shortfalls, verdicts
from polycypher.study.blocks import Block, Bullets, Heading, Paragraph, Picture, as_markdown
from polycypher.study.files import replacing
from polycypher.study.page import as_html
from polycypher.study.reading import Results
from polycypher.study.tables import Table

PICTURES: Final = {
    "scores": "Every method by every measure, each panel to its own scale. Bars are averages over languages,"
    " black lines their 95 % intervals, marks the single languages.",
    "recovered": "Share of joint's gain over base that each method recovers; dashed and dotted: the aims.",
    "confusion": "Language of the question by the adapter that gets the largest weight.",
    "top-weights": "How sure the gate is: the largest weight of each question.",
    "growth": "What the nth language costs: joint training against fusion. Joint minutes"
    " may be estimated, as the table says.",
    "ablations": "Routing accuracy and exact answers of every choice.",
    "curves": "Loss and probe by training step.",
}
"""Picture → caption."""

_METHODS: Final = Table(
    "Methods",
    ("method", "what it is"),
    (
        ("base", "the base model without an adapter"),
        ("en-only", "one adapter trained on all distinct questions, in English"),
        ("joint", "one adapter trained on all languages together: the upper bound"),
        ("adapter-…", "that language's adapter alone, on every language"),
        ("linear-factor", "uniform mean of the adapters' factors (the paper's formula)"),
        ("linear-exact", "uniform mean of the adapters' updates"),
        ("linear-peft", "PEFT's linear merge: square-root weights on both factors"),
        ("fusion-mlp", "the paper's gate: one weight an adapter for each question, logits fused"),
        ("fusion-shared-scorer", "a gate that scores every adapter by the same small network, logits fused"),
        ("fusion-top1", "only the adapter with the gate's largest weight"),
        ("fusion-merged", "the gate's weights mix the adapters' updates, in one pass"),
    ),
)
_ABLATIONS: Final = (
    "One choice of the gate is changed at a time, on the same adapters. Routing: share of test questions"
    " whose own adapter weighs most. Loss: of a token of the gold answer. Exact: share of gold answers that"
    " greedy decoding would write to the end, each token after gold ones."
)
_DIRECTION_CHARACTERS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def content(results: Results, drawn: Mapping[str, Path]) -> list[Block]:
    """The report as blocks in reading order; `drawn` is picture name → file."""

    def picture(name: str) -> Block:
        if name in drawn:
            return Picture(drawn[name], PICTURES[name])
        return Paragraph(f"Picture “{name}”: not run.")

    def table_or_missing(table: Table) -> Block:
        return table if table.rows else Paragraph(f"{table.title}: not run.")

    judged = verdicts(results)
    counts = ", ".join(
        f"{sum(verdict.word == word for verdict in judged)} {word}" for word in ("yes", "no", "not measured")
    )
    rows = tuple((verdict.aim, verdict.measured, verdict.word) for verdict in judged)
    fallen = shortfalls(results)
    blocks: list[Block] = [
        Heading(1, f"Study {results.get('name', 'without a name')}"),
        what_was_run(results),
        Heading(2, "Aims"),
        Table("Aims and what was measured", ("aim", "measured", "reached"), rows, f"Reached: {counts}."),
        Heading(2, "What did not hold"),
        Bullets(tuple(fallen)) if fallen else Paragraph("Nothing that was measured fell short."),
        Heading(2, "Scores (Table 2)"),
        _METHODS,
        picture("scores"),
        picture("recovered"),
    ]
    for metric, title in reading.METRICS.items():
        scored, share = tables.score_table(results, metric), tables.share_table(results, metric)
        blocks += [Heading(3, title), scored, share]
    blocks.append(Heading(2, "Differences"))
    if reading.part(results, "differences"):
        blocks += [tables.difference_table(results, metric) for metric in reading.METRICS]
    else:
        blocks.append(Paragraph("Paired differences: not run."))
    blocks += [Heading(2, "Routing (Table 3)"), tables.routing_table(results)]
    if not reading.records(results, "routing", "examples"):
        blocks.append(Paragraph("Example weights of this study: not run."))
    blocks += [*tables.confusion_tables(results), picture("confusion"), picture("top-weights")]
    blocks += [Heading(2, "Growth (Table 4)"), table_or_missing(tables.growth_table(results))]
    rescored = tables.growth_score_table(results)
    blocks.append(rescored or Paragraph("Scores after each new language: not run."))
    blocks += [picture("growth"), Heading(2, "Costs"), table_or_missing(tables.cost_table(results))]
    blocks += [Heading(2, "Ablations"), Paragraph(_ABLATIONS)]
    groups = reading.ablation_groups(results).items()
    blocks += [table_or_missing(tables.ablation_table(group, entries)) for group, entries in groups]
    blocks += [picture("ablations"), Heading(2, "Training curves"), picture("curves")]
    source = f"The paper's figures: {paper.SOURCE}. Its figures that are not known to us read n/a."
    return [*blocks, Heading(2, "Source"), Paragraph(source)]


def write_report(results: Results, folder: Path) -> list[Path]:
    """Writes `report.md`, `report.html` and `plots/*.png` below `folder`; the paths in that order.

    Raises:
        UsageError: the results hold no methods or are not of the expected shape, jinja2 or matplotlib is
            missing, or the folder cannot be written.
    """
    if not isinstance(results.get("methods"), Mapping):
        raise UsageError("the study's results name no methods; run the study first, then its report")
    clean = printable(results)
    try:
        drawn = plots.draw_all(clean, folder / "plots")
        blocks = content(clean, drawn)
        return [*write_blocks(blocks, folder, "report"), *drawn.values()]
    except OSError as error:
        raise unwritable(folder, error) from error


def write_blocks(blocks: Sequence[Block], folder: Path, name: str) -> list[Path]:
    """Write `<name>.md` and `<name>.html`; the paths in that order.

    Raises:
        OSError: the folder cannot be written.
        UsageError: jinja2 is missing.
    """
    texts = {f"{name}.md": as_markdown(blocks, folder), f"{name}.html": as_html(blocks)}
    for file, text in texts.items():
        with replacing(folder / file) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    return [folder / file for file in texts]


def unwritable(folder: Path, error: OSError) -> UsageError:
    """The error that says that a report has no place."""
    return UsageError(
        f"the report cannot be written to {folder}: {error}; free space there or name another folder"
    )


def what_was_run(results: Results) -> Paragraph:
    """Languages, commit, counts of questions, and the command."""
    corpus = reading.part(results, "corpus")
    counts = {
        name: _counted(corpus.get(name)) for name in ("train", "shared", "joint", "gate", "test", "executed")
    }
    known = ", ".join(map(reading.head, reading.languages(results))) or "none"
    text = (
        f"Languages: {known}; commit {results.get('commit') or 'not recorded'},"
        f" seed {results.get('seed', 'not recorded')}."
        f" Training questions: {counts['train']}, of which shared by all languages: {counts['shared']};"
        f" joint training: {counts['joint']}; gate: {counts['gate']}."
        f" Test questions: {counts['test']}; executed on their database: {counts['executed']}."
    )
    unusable = reading.part(corpus, "gold_unusable")
    if unusable:
        text += f" Gold queries that failed the self-check, measured on text alone: {len(unusable)}."
    if results.get("tiny"):
        text = f"A tiny run of a random base: its figures say nothing of the method. {text}"
    command = results.get("command")
    return Paragraph(f"{text} {'Command:' if command else 'Command: not recorded.'}", str(command or ""))


def _counted(value: Any) -> str:
    """A count, or a count a language, in words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{reading.head(name)} {_counted(count)}" for name, count in value.items())
    count = reading.number(value)
    return "not recorded" if count is None else f"{count:,.0f}"


def printable(value: Any) -> Any:
    """`value` with every text in it on one line, free of control, direction and broken characters."""
    if isinstance(value, str):
        hidden = {"Cc", "Cs", "Zl", "Zp"}
        shown = (
            " " if unicodedata.category(mark) in hidden or mark in _DIRECTION_CHARACTERS else mark
            for mark in value
        )
        return " ".join("".join(shown).split())
    if isinstance(value, Mapping):
        return {printable(key): printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [printable(item) for item in value]
    return value
