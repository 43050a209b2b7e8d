"""The study's results as tables of plain text: scores, shares of joint's gain, routing, costs, ablations.

Pure functions from the `results` mapping (the content of `results.json`) to rows of text. Every part but
`methods` may be absent: a method that was not run reads "not run", a value that does not exist reads "n/a".
Knows nothing of Markdown, HTML or pictures, and escapes nothing: a question may hold any character.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from polycypher.study import paper
from polycypher.study.reading import (
    ABLATIONS,
    AVERAGE,
    METRICS,
    Cell,
    Results,
    cell,
    confusion,
    difference,
    head,
    languages,
    methods,
    number,
    part,
    records,
    recovered,
    score,
)

NOT_AVAILABLE: Final = "n/a"
NOT_RUN: Final = "not run"

_EXAMPLES_A_LANGUAGE: Final = 4
_QUESTION_CHARACTERS: Final = 160


@dataclass(frozen=True, slots=True)
class Table:
    """A title, a header and rows of plain text of the header's length; `note` says how to read them."""

    kind: ClassVar[str] = "table"
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def score_table(results: Results, metric: str) -> Table:
    """Table 2 for one measure: a row a method, a column a language, value [low, high], the paper's beside."""
    columns = [*languages(results), AVERAGE]
    rows = []
    for method in methods(results):
        run = method in part(results, "methods")
        ours = [
            interval_text(score(results, method, metric, column)) if run else NOT_RUN for column in columns
        ]
        rows.append((method, *ours, _paper_scores(method, metric)))
    beside = " / ".join(head(language) for language in (*paper.LANGUAGES, AVERAGE))
    return Table(
        f"{METRICS[metric]} of every method",
        ("method", *map(head, columns), f"paper: {beside}"),
        tuple(rows),
        f"Value [95 % interval]. The paper's average is over {', '.join(map(head, paper.LANGUAGES))}.",
    )


def point_table(results: Results, metric: str) -> Table:
    """`score_table` for a narrow terminal: the methods that were run, values without intervals."""
    columns = [*languages(results), AVERAGE]
    rows = []
    for method in methods(results):
        if method in part(results, "methods"):
            found = (score(results, method, metric, column) for column in columns)
            rows.append((method, *(_decimals(None if one is None else one.value) for one in found)))
    return Table(METRICS[metric], ("method", *map(head, columns)), tuple(rows))


def share_table(results: Results, metric: str) -> Table:
    """Share of joint's gain over base that each method recovers, a column a language."""
    columns = [*languages(results), AVERAGE]
    rows = []
    for method in methods(results):
        if method in ("base", "joint"):
            continue
        run = method in part(results, "methods")
        shares = [
            _decimals(recovered(results, method, metric, column)) if run else NOT_RUN for column in columns
        ]
        rows.append((method, *shares, _decimals(paper.recovered(method, metric), 2)))
    return Table(
        f"{METRICS[metric]}: share of joint's gain recovered",
        ("method", *map(head, columns), "paper: avg"),
        tuple(rows),
        "(method - base) / (joint - base); n/a where joint gains nothing over base.",
    )


def difference_table(results: Results, metric: str) -> Table:
    """Paired differences by one measure; ▲ and ▼ mark an interval wholly above and wholly below zero."""
    columns = [*languages(results), AVERAGE]
    rows = tuple(
        (name, *(_signed(difference(results, name, metric, column)) for column in columns))
        for name in part(results, "differences")
    )
    note = "Paired bootstrap over questions: ▲ wholly above zero, ▼ wholly below zero, else undecided."
    return Table(f"Difference in {METRICS[metric]}", ("difference", *map(head, columns)), rows, note)


def routing_table(results: Results) -> Table:
    """Table 3: the gate's weights of example questions, then the paper's own examples."""
    examples = records(results, "routing", "examples")
    weighed = (adapter for example in examples for adapter in part(example, "weights"))
    adapters = list(dict.fromkeys((*languages(results), *weighed)))
    shown: dict[str, int] = {}
    rows = []
    for example in examples:
        language = str(example.get("language", NOT_AVAILABLE))
        shown[language] = shown.get(language, 0) + 1
        if shown[language] > _EXAMPLES_A_LANGUAGE:
            continue
        weights = part(example, "weights")
        cells = [_decimals(number(weights.get(adapter)), 2) for adapter in adapters]
        rows.append((head(language), _shortened(str(example.get("question", NOT_AVAILABLE))), *cells))
    for language, weights in paper.WEIGHTS.items():
        cells = [_decimals(weights.get(adapter), 2) for adapter in adapters]
        rows.append((head(language), "(the paper's example)", *cells))
    note = f"By the first gate; the first {_EXAMPLES_A_LANGUAGE} examples a language, where there are more."
    header = ("language", "question", *map(head, adapters))
    return Table("Weights of example questions", header, tuple(rows), note)


def confusion_tables(results: Results) -> list[Table]:
    """A table a gate: language of the question by adapter that gets the largest weight, in shares."""
    tables = []
    for gate in part(results, "routing", "confusion"):
        names, adapters, shares = confusion(results, gate)
        rows = tuple(
            (head(name), *(_decimals(share) for share in row))
            for name, row in zip(names, shares, strict=True)
        )
        title = f"{gate}: adapter with the largest weight"
        tables.append(Table(title, ("question", *(f"adapter {head(name)}" for name in adapters)), rows))
    return tables


def growth_table(results: Results) -> Table:
    """Table 4: samples and minutes when the 1st … nth language arrives, joint against fusion."""
    rows = []
    for step, record in enumerate(records(results, "growth"), start=1):
        joint, fusion = number(record.get("joint_samples")), number(record.get("fusion_samples"))
        ratio = None if fusion is None or not joint else fusion / joint
        published = paper.samples(step)
        beside = NOT_AVAILABLE if published is None else f"{published[0]:,} / {published[1]:,}"
        minutes = [_decimals(number(record.get(f"{who}_minutes")), 1) for who in ("joint", "fusion")]
        if record.get("joint_minutes_measured") is False:
            minutes[0] += " (estimated)"
        reached = " + ".join(head(str(language)) for language in record.get("languages", ()))
        rows.append((str(step), reached, _count(joint), _count(fusion), _decimals(ratio), *minutes, beside))
    samples = ("joint samples", "fusion samples", "fusion / joint")
    header = ("n", "languages", *samples, "joint minutes", "fusion minutes", "paper samples: joint / fusion")
    note = (
        "Joint trains on everything again; fusion trains one adapter and, from the 2nd on, the gate."
        " Estimated minutes are by samples from the joint training that was run."
    )
    return Table("Cost of the nth language", header, tuple(rows), note)


def growth_score_table(results: Results) -> Table | None:
    """Scores measured after each new language, a row a step and whatever was scored; None without any."""
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for step, record in enumerate(records(results, "growth"), start=1):
        for path, leaf in _leaves(part(record, "scores")):
            line = lines.setdefault((str(step), " / ".join(path[:-1])), {})
            line[path[-1]] = interval_text(cell(leaf))
    if not lines:
        return None
    metrics = list(dict.fromkeys(metric for line in lines.values() for metric in line))
    rows = tuple(
        (*key, *(line.get(metric, NOT_AVAILABLE) for metric in metrics)) for key, line in lines.items()
    )
    header = ("n", "scored", *(METRICS.get(metric, metric) for metric in metrics))
    return Table("Scores after each new language", header, rows)


def ablation_table(group: str, entries: Iterable[Mapping[str, Any]]) -> Table:
    """One group of ablations: a row a choice, the default marked."""
    rows = tuple(
        (
            f"{entry.get('name', NOT_AVAILABLE)}{' (default)' if entry.get('default') else ''}",
            *(_decimals(number(entry.get(key))) for key in ("routing", "loss", "exact")),
            _decimals(number(entry.get("seconds")), 1),
        )
        for entry in entries
    )
    header = ("choice", "routing", "loss", "exact (gold fed)", "seconds")
    return Table(ABLATIONS.get(group, group), header, rows)


def cost_table(results: Results) -> Table:
    """What each training cost: samples, their share of joint's, epochs, steps, minutes, parameters."""
    joint = number(part(results, "costs", "joint").get("samples"))
    rows = []
    for name in part(results, "costs"):
        entry = part(results, "costs", name)
        samples, epochs, steps, minutes, parameters = (
            number(entry.get(key)) for key in ("samples", "epochs", "steps", "minutes", "parameters")
        )
        share = None if samples is None or not joint else samples / joint
        counted = (_count(samples), _decimals(share), _plain(epochs), _count(steps), _decimals(minutes, 1))
        rows.append((name, *counted, _count(parameters)))
    header = ("training", "samples", "of joint's", "epochs", "steps", "minutes", "trainable parameters")
    return Table("Cost of each training", header, tuple(rows))


def _paper_scores(method: str, metric: str) -> str:
    figures = [paper.figure(method, metric, language) for language in (*paper.LANGUAGES, AVERAGE)]
    if all(figure is None for figure in figures):
        return NOT_AVAILABLE
    return " / ".join(_decimals(figure, 2) for figure in figures)


def _leaves(tree: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterable[tuple[tuple[str, ...], Any]]:
    """Every value of a nested mapping with its path; a `{value, …}` mapping is a value."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and "value" not in value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def interval_text(measured: Cell | None) -> str:
    """`value [low, high]`; n/a for nothing."""
    if measured is None:
        return NOT_AVAILABLE
    if measured.low is None or measured.high is None:
        return f"{measured.value:.3f}"
    return f"{measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}]"


def _signed(measured: Cell | None) -> str:
    if measured is None:
        return NOT_AVAILABLE
    if measured.low is None or measured.high is None:
        return f"{measured.value:+.3f}"
    mark = " ▲" if measured.low > 0 else " ▼" if measured.high < 0 else ""
    return f"{measured.value:+.3f} [{measured.low:+.3f}, {measured.high:+.3f}]{mark}"


def _decimals(value: float | None, places: int = 3) -> str:
    return NOT_AVAILABLE if value is None else f"{value:.{places}f}"


def _count(value: float | None) -> str:
    return NOT_AVAILABLE if value is None else f"{value:,.0f}"


def _plain(value: float | None) -> str:
    return NOT_AVAILABLE if value is None else f"{value:g}"


def _shortened(question: str) -> str:
    if len(question) <= _QUESTION_CHARACTERS:
        return question
    return question[: _QUESTION_CHARACTERS - 1] + "…"
