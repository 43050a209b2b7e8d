"""The comparison's report: `transfer.md` and `transfer.html` from `transfer.json`, with a picture.

Rows by family, every measure with its interval, costs, and paired differences. What was asked for and not
made is named with its reason. Knows nothing of how a row is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from polycypher.study import plots, reading, tables
from polycypher.study.blocks import Block, Bullets, Heading, Paragraph, Picture
from polycypher.study.reading import Results
from polycypher.study.report import printable, unwritable, what_was_run, write_blocks
from polycypher.study.tables import NOT_AVAILABLE, Table
from polycypher.study.transfer.rows import ROWS

_CAPTION = (
    "Every row by every measure. Bars are averages over all questions, black lines their 95 % intervals, "
    "marks the single languages; rows of the target language alone have no average."
)


def write_transfer_report(results: Results, folder: Path) -> list[Path]:
    """Write the report below `folder`; returns the paths.

    Raises:
        UsageError: jinja2 or matplotlib is missing, or the folder cannot be written.
    """
    clean = printable(results)
    try:
        drawn = plots.scores(clean, folder / "plots" / "transfer.png")
        return [*write_blocks(content(clean, drawn), folder, "transfer"), drawn]
    except OSError as error:
        raise unwritable(folder, error) from error


def content(results: Results, drawn: Path) -> list[Block]:
    """The report as blocks in reading order."""
    blocks: list[Block] = [
        Heading(1, f"Comparison {results.get('name', 'without a name')}"),
        what_was_run(results),
        Heading(2, "Rows"),
        rows_table(results),
    ]
    missing = reading.part(results, "missing")
    if missing:
        blocks += [
            Paragraph("Not made:"),
            Bullets(tuple(f"{name}: {reason}" for name, reason in missing.items())),
        ]
    blocks += [Heading(2, "Scores"), Picture(drawn, _CAPTION)]
    blocks += [measure_table(results, metric) for metric in reading.METRICS]
    blocks += [Heading(2, "Costs"), cost_table(results), Heading(2, "Differences")]
    blocks += [tables.difference_table(results, metric) for metric in ("execution_accuracy", "rouge_l")]
    return blocks


def rows_table(results: Results) -> Table:
    """What each row is, and its paper."""
    found = [ROWS[name] for name in reading.methods(results) if name in ROWS]
    return Table(
        "Rows",
        ("row", "family", "what it is", "paper"),
        tuple((row.name, str(row.family), row.what, row.paper) for row in found),
    )


def measure_table(results: Results, metric: str) -> Table:
    """A measure of every row with its interval, a column a language."""
    columns = [*reading.languages(results), reading.AVERAGE]
    rows = tuple(
        (name, *(tables.interval_text(reading.score(results, name, metric, code)) for code in columns))
        for name in reading.methods(results)
    )
    note = (
        "Value [95 % interval]; n/a where a row does not answer in the language. The average is over "
        "questions, of which the target language has fewer."
    )
    return Table(reading.METRICS[metric], ("row", *map(reading.head, columns)), rows, note)


def cost_table(results: Results) -> Table:
    """What was trained for each row, and what a token of it costs."""
    costs = reading.part(results, "costs")
    rows = tuple((name, *_cost(reading.part(costs, name))) for name in reading.methods(results))
    note = (
        "Parameters, samples and minutes of what was trained for the row beside the study's adapters; "
        "multiply-adds of a written token in units of one plain adapter's; λ of AdaMergeX. The prompt is not "
        "counted: FLARE and input fusion read a second text, a gate and X-LoRA run it more than once, "
        "and a translation has a cost of its own."
    )
    return Table("Costs", ("row", "parameters", "samples", "minutes", "a token", "λ"), rows, note)


def _cost(cost: Mapping[str, Any]) -> tuple[str, ...]:
    def told(name: str, form: str) -> str:
        value = reading.number(cost.get(name))
        return NOT_AVAILABLE if value is None else format(value, form)

    scale = reading.number(cost.get("scale"))
    return (
        told("parameters", ",.0f"),
        told("samples", ",.0f"),
        told("minutes", ",.1f"),
        told("multiply_adds", ".2f"),
        "" if scale is None else f"{scale:g}",
    )
