"""A report as tables for a terminal.

Knows nothing of how the scores came about.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.table import Table

from polycypher.evaluation.report import LanguageReport, Report

_NOT_MEASURED = "n/a"

_SHARES: tuple[tuple[str, str], ...] = (
    ("execution_accuracy", "EX"),
    ("execution_accuracy_nonempty", "EX, gold not empty"),
    ("subset_accuracy", "subset EX"),
    ("exact_match", "exact match"),
    ("rouge_l", "ROUGE-L"),
    ("cypher_rouge_l", "Cypher ROUGE-L"),
    ("executable", "executable"),
)

_COUNTS: tuple[tuple[str, Callable[[LanguageReport], int]], ...] = (
    ("questions", lambda summary: summary.count),
    ("gold empty", lambda summary: summary.empty_gold),
    ("gold failed", lambda summary: summary.gold_failed),
    ("timeouts", lambda summary: summary.timeouts),
)


def score_table(report: Report, *, title: str = "Evaluation") -> Table:
    """One column a language, one row a measure: percent with its 95 % interval, then the counts.

    Languages stand side by side because there are few of them and many measures, and a terminal is
    narrow. With two languages or more the last column is the plain mean over languages.
    """
    languages = report.languages
    table = Table(title=title)
    table.add_column("")
    for language in languages:
        table.add_column(language, justify="right")
    with_mean = len(languages) > 1
    if with_mean:
        table.add_column("mean", justify="right")
    for metric, name in _SHARES:
        cells = [_share(report, metric, language) for language in languages]
        if with_mean:
            means = [getattr(summary, metric) for summary in languages.values()]
            known = all(mean is not None for mean in means)
            cells.append(_percent(sum(means) / len(means)) if known else _NOT_MEASURED)
        table.add_row(name, *cells)
    table.add_section()
    for name, count in _COUNTS:
        table.add_row(name, *(str(count(summary)) for summary in languages.values()))
    return table


def routing_table(report: Report) -> Table | None:
    """One row a question language, one column an adapter: how often that adapter weighs most.

    None where no prediction carries weights.
    """
    routing = report.routing
    if not routing:
        return None
    adapters = list(next(iter(routing.values())))
    table = Table(title="Adapter with the largest weight")
    table.add_column("question")
    for adapter in adapters:
        table.add_column(adapter, justify="right")
    for language, shares in routing.items():
        table.add_row(language, *(_percent(shares[adapter]) for adapter in adapters))
    return table


def _share(report: Report, metric: str, language: str) -> str:
    interval = report.interval(metric, language)
    if interval is None:
        return _NOT_MEASURED
    return f"{_percent(interval.value)} ({100 * interval.low:.1f}–{100 * interval.high:.1f})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
