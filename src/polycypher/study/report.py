"""The study's report: `report.md` and a self-contained `report.html` from the same content, with pictures.

The content is a list of blocks (heading, paragraph, list, table, picture), written down once and rendered
twice. A part that was not run is said to be missing, and what fell short stands as high up as what held.
Questions are untrusted text: both forms escape all they are given. Needs jinja2 and, for the pictures,
matplotlib (`pip install polycypher[study]`). Knows nothing of how the results came about.
"""

from __future__ import annotations

import base64
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from polycypher.errors import UsageError
from polycypher.study import paper, plots, tables
from polycypher.study.tables import Results, Table

SHARE_AIM: Final = 0.75
BETTER_GATE_AIM: Final = 0.9
SAMPLES_AIM: Final = 0.21
AIM_METRICS: Final = {"rouge_l": "ROUGE-L", "execution_accuracy": "EX"}
"""The two measures that the aims are stated in; ROUGE-L alone saturates."""

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
    ),
)
_ABLATIONS: Final = (
    "One choice of the gate is changed at a time, on the same adapters. Routing: share of test questions"
    " whose own adapter weighs most. Loss: of a token of the gold answer. Exact: share of gold answers that"
    " greedy decoding would write to the end, each token after gold ones."
)
_DIRECTION_CHARACTERS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One aim, what was measured, and whether it is reached; None where it could not be measured."""

    aim: str
    measured: str
    reached: bool | None

    @property
    def word(self) -> str:
        """yes, no or not measured."""
        return {True: "yes", False: "no", None: "not measured"}[self.reached]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 to 3."""

    kind: ClassVar[str] = "heading"
    level: int
    text: str

    @property
    def anchor(self) -> str:
        """The heading's name in a link."""
        return re.sub(r"[^a-z0-9]+", "-", self.text.lower()).strip("-")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; `code` is a command that follows it on a line of its own."""

    kind: ClassVar[str] = "paragraph"
    text: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of short texts."""

    kind: ClassVar[str] = "bullets"
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG file below the report's folder."""

    kind: ClassVar[str] = "picture"
    path: Path
    caption: str


Block = Heading | Paragraph | Bullets | Table | Picture


def verdicts(results: Results) -> list[Verdict]:
    """The study's aims, each with what was measured."""
    better = _better_gate(results)
    return [
        *(_share_verdict(results, "fusion-mlp", metric, SHARE_AIM, "fusion-mlp") for metric in AIM_METRICS),
        *(_linear_verdict(results, metric) for metric in AIM_METRICS),
        _samples_verdict(results),
        *(_share_verdict(results, better, key, BETTER_GATE_AIM, "the better gate") for key in AIM_METRICS),
    ]


def shortfalls(results: Results) -> list[str]:
    """What did not hold, a line each: aims missed, methods below base, differences wholly below zero, gates
    that send most of a language's questions to another language's adapter."""
    found = [
        f"Aim not reached: {verdict.aim}. Measured: {verdict.measured}."
        for verdict in verdicts(results)
        if verdict.reached is False
    ]
    for method in tables.part(results, "methods"):
        below = []
        for metric, name in tables.METRICS.items():
            own, base = tables.score(results, method, metric), tables.score(results, "base", metric)
            if own is not None and base is not None and own.value < base.value:
                below.append(f"{name} ({own.value:.3f} against {base.value:.3f})")
        if below:
            found.append(f"{method} is below base on average in {', '.join(below)}.")
    for name in tables.part(results, "differences"):
        below = []
        for metric, title in tables.METRICS.items():
            cells = {
                language: tables.difference(results, name, metric, language)
                for language in (*tables.languages(results), tables.AVERAGE)
            }
            where = [tables.head(at) for at, cell in cells.items() if cell and (cell.high or 0.0) < 0.0]
            if where:
                below.append(f"{title} ({', '.join(where)})")
        if below:
            found.append(f"{name} is wholly below zero in {', '.join(below)}.")
    for gate in tables.part(results, "routing", "confusion"):
        names, adapters, shares = tables.confusion(results, gate)
        for language, row in zip(names, shares, strict=True):
            own_share = dict(zip(adapters, row, strict=True)).get(language)
            if own_share is not None and own_share < 0.5:
                head = tables.head(language)
                found.append(f"{gate} sends only {own_share:.0%} of the {head} questions to adapter {head}.")
    return found


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
        _what_was_run(results),
        Heading(2, "Aims"),
        Table("Aims and what was measured", ("aim", "measured", "reached"), rows, f"Reached: {counts}."),
        Heading(2, "What did not hold"),
        Bullets(tuple(fallen)) if fallen else Paragraph("Nothing that was measured fell short."),
        Heading(2, "Scores (Table 2)"),
        _METHODS,
        picture("scores"),
        picture("recovered"),
    ]
    for metric, title in tables.METRICS.items():
        scored, share = tables.score_table(results, metric), tables.share_table(results, metric)
        blocks += [Heading(3, title), scored, share]
    blocks.append(Heading(2, "Differences"))
    if tables.part(results, "differences"):
        blocks += [tables.difference_table(results, metric) for metric in tables.METRICS]
    else:
        blocks.append(Paragraph("Paired differences: not run."))
    blocks += [Heading(2, "Routing (Table 3)"), tables.routing_table(results)]
    if not tables.records(results, "routing", "examples"):
        blocks.append(Paragraph("Example weights of this study: not run."))
    blocks += [*tables.confusion_tables(results), picture("confusion"), picture("top-weights")]
    blocks += [Heading(2, "Growth (Table 4)"), table_or_missing(tables.growth_table(results))]
    rescored = tables.growth_score_table(results)
    blocks.append(rescored or Paragraph("Scores after each new language: not run."))
    blocks += [picture("growth"), Heading(2, "Costs"), table_or_missing(tables.cost_table(results))]
    blocks += [Heading(2, "Ablations"), Paragraph(_ABLATIONS)]
    groups = tables.ablation_groups(results).items()
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
    clean = _printable(results)
    try:
        drawn = plots.draw_all(clean, folder / "plots")
        blocks = content(clean, drawn)
        written = [
            _write(folder / "report.md", as_markdown(blocks, folder)),
            _write(folder / "report.html", as_html(blocks)),
        ]
    except OSError as error:
        raise UsageError(
            f"the report cannot be written to {folder}: {error}; free space there or name another folder"
        ) from error
    return [*written, *drawn.values()]


def as_markdown(blocks: Sequence[Block], folder: Path) -> str:
    """The blocks in GitHub's Markdown; pictures by their path relative to `folder`."""
    parts = []
    for block in blocks:
        match block:
            case Heading(level, text):
                parts.append(f"{'#' * level} {_escaped(text)}")
            case Paragraph(text, code):
                parts.append(_escaped(text))
                if code:
                    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
                    parts.append(f"{fence}\n{code}\n{fence}")
            case Bullets(items):
                parts.append("\n".join(f"- {_escaped(item)}" for item in items))
            case Picture(path, caption):
                parts.append(f"![{_escaped(caption)}]({path.relative_to(folder).as_posix()})")
                parts.append(f"*{_escaped(caption)}*")
            case Table(title, header, rows, note):
                lines = [header, ("---",) * len(header), *rows]
                cells = [[cell if line is lines[1] else _escaped(cell) for cell in line] for line in lines]
                parts.append(f"**{_escaped(title)}**" + (f" — {_escaped(note)}" if note else ""))
                parts.append("\n".join(f"| {' | '.join(line)} |" for line in cells))
    return "\n\n".join(parts) + "\n"


def as_html(blocks: Sequence[Block]) -> str:
    """The blocks as one HTML file that loads nothing: pictures are embedded, every text is escaped.

    Raises:
        UsageError: jinja2 is missing.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise UsageError(
            "the report needs jinja2; install it with: pip install 'polycypher[study]'"
        ) from error
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["look"] = _look
    environment.filters["embedded"] = lambda path: base64.b64encode(path.read_bytes()).decode("ascii")
    title = next((block.text for block in blocks if isinstance(block, Heading)), "Study")
    return environment.from_string(_PAGE).render(blocks=blocks, title=title)


def _better_gate(results: Results) -> str | None:
    """The gate whose lower share of joint's gain, over the aims' measures, is the higher; None without any.

    One gate must serve for both measures, so that the better of each is not picked measure by measure.
    """
    ranks: dict[str, tuple[int, float]] = {}
    for gate in tables.GATES:
        shares = [tables.recovered(results, gate, metric) for metric in AIM_METRICS]
        known = [share for share in shares if share is not None]
        if known:
            ranks[gate] = (len(known), min(known))
    return max(ranks, key=ranks.__getitem__, default=None)


def _share_verdict(results: Results, method: str | None, metric: str, aim: float, who: str) -> Verdict:
    text = f"{who} recovers at least {aim} of joint's gain in {AIM_METRICS[metric]}"
    if method is None:
        return Verdict(text, "no gate has a share of joint's gain", None)
    cells = {name: tables.score(results, name, metric) for name in ("base", method, "joint")}
    values = ", ".join(f"{name} {cell.value:.3f}" for name, cell in cells.items() if cell)
    missing = [name for name, cell in cells.items() if cell is None]
    if missing:
        return Verdict(text, f"no score of {', '.join(missing)}", None)
    share = tables.recovered(results, method, metric)
    if share is None:
        return Verdict(text, f"joint gains nothing over base: {values}", None)
    gain = tables.difference(results, "joint - base", metric)
    doubt = ""
    if gain is not None and gain.low is not None and gain.low <= 0.0:
        doubt = "; joint's own gain is not wholly above zero, so the share says little"
    return Verdict(text, f"{share:.3f} ({values}){doubt}", share >= aim)


def _linear_verdict(results: Results, metric: str) -> Verdict:
    """Against every uniform linear merge, in every language; the smallest difference is what is shown."""
    text = f"fusion-mlp is at least every linear merge in every language in {AIM_METRICS[metric]}"
    found: list[tuple[float, str]] = []
    missing = []
    for merge in tables.LINEAR:
        for language in tables.languages(results):
            where = f"{tables.head(language)}, {merge}"
            ours = tables.score(results, "fusion-mlp", metric, language)
            theirs = tables.score(results, merge, metric, language)
            if ours is None or theirs is None:
                missing.append(where)
                continue
            paired = tables.difference(results, f"fusion-mlp - {merge}", metric, language)
            interval = ""
            if paired is not None and paired.low is not None and paired.high is not None:
                interval = f" [{paired.low:+.3f}, {paired.high:+.3f}]"
            found.append((ours.value - theirs.value, f"{interval} ({where})"))
    if not found:
        return Verdict(text, "no scores to compare", None)
    least, detail = min(found)
    measured = f"smallest difference {least:+.3f}{detail}"
    if missing:
        measured += f"; not measured: {'; '.join(missing)}"
    return Verdict(text, measured, False if least < 0.0 else None if missing else True)


def _samples_verdict(results: Results) -> Verdict:
    text = f"the gate trains on at most {SAMPLES_AIM:.0%} of joint's samples"
    counts = []
    for name, training in (("gate", "fusion-mlp"), ("joint", "joint")):
        counted = tables.number(tables.part(results, "corpus").get(name))
        counts.append(counted or tables.number(tables.part(results, "costs", training).get("samples")))
    gate, joint = counts
    if gate is None or not joint:
        return Verdict(text, "no count of the gate's and joint's samples", None)
    return Verdict(text, f"{gate / joint:.1%} ({gate:,.0f} of {joint:,.0f})", gate / joint <= SAMPLES_AIM)


def _what_was_run(results: Results) -> Paragraph:
    corpus = tables.part(results, "corpus")
    counts = {
        name: _counted(corpus.get(name)) for name in ("train", "shared", "joint", "gate", "test", "executed")
    }
    known = ", ".join(map(tables.head, tables.languages(results))) or "none"
    text = (
        f"Languages: {known}; commit {results.get('commit') or 'not recorded'},"
        f" seed {results.get('seed', 'not recorded')}."
        f" Training questions: {counts['train']}, of which shared by all languages: {counts['shared']};"
        f" joint training: {counts['joint']}; gate: {counts['gate']}."
        f" Test questions: {counts['test']}; executed on their database: {counts['executed']}."
    )
    unusable = tables.part(corpus, "gold_unusable")
    if unusable:
        text += f" Gold queries that failed the self-check, measured on text alone: {len(unusable)}."
    if results.get("tiny"):
        text = f"A tiny run of a random base: its figures say nothing of the method. {text}"
    command = results.get("command")
    return Paragraph(f"{text} {'Command:' if command else 'Command: not recorded.'}", str(command or ""))


def _counted(value: Any) -> str:
    """A count, or a count a language, in words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{tables.head(name)} {_counted(count)}" for name, count in value.items())
    count = tables.number(value)
    return "not recorded" if count is None else f"{count:,.0f}"


def _printable(value: Any) -> Any:
    """`value` with every text in it on one line, free of control, direction and broken characters."""
    if isinstance(value, str):
        hidden = {"Cc", "Cs", "Zl", "Zp"}
        shown = (
            " " if unicodedata.category(mark) in hidden or mark in _DIRECTION_CHARACTERS else mark
            for mark in value
        )
        return " ".join("".join(shown).split())
    if isinstance(value, Mapping):
        return {_printable(key): _printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(item) for item in value]
    return value


def _escaped(text: str) -> str:
    """`text` so that Markdown shows it as it is: no HTML, no emphasis, no link, no end of a table's cell."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*|$~])", r"\\\1", text)
    text = re.sub(r"\](?=[(\[:])", r"\\]", text)  # alone, brackets are no link: intervals stay readable
    return re.sub(r"(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])", r"\\_", text)


def _look(cell: str) -> str:
    """The style class of a table's cell."""
    if cell in (tables.NOT_AVAILABLE, tables.NOT_RUN, "not measured"):
        return "missing"
    if cell in ("yes", "no"):
        return cell
    return "number" if re.fullmatch(r"[+-]?\d[^A-Za-z]*", cell) else "text"


def _write(path: Path, text: str) -> Path:
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8", newline="\n")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --soft: #5b6570; --line: #d8dde3;
  --band: #f4f6f8; --link: #0a5ea8; --yes: #00664a; --no: #a63f00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --paper: #14171a; --soft: #a0a9b3;
  --line: #363d45; --band: #1d2126; --link: #7ab8f0; --yes: #4fd1a5; --no: #ff9a5c; } }
body { margin: 0 auto; padding: 1rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; } a { color: var(--link); }
p { max-width: 48rem; } pre { padding: .6rem; background: var(--band); overflow-x: auto; }
.table { margin: 1rem 0 1.5rem; overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
caption { padding: .2rem 0; text-align: left; font-weight: 600; }
caption small { display: block; color: var(--soft); font-weight: 400; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { border-bottom: 2px solid var(--line); } tbody th { font-weight: 500; }
tbody tr:hover { background: var(--band); }
.number { white-space: nowrap; } .text { min-width: 6rem; } .missing { color: var(--soft); }
.yes { color: var(--yes); font-weight: 700; } .no { color: var(--no); font-weight: 700; }
figure { margin: 1.2rem 0; } figcaption { color: var(--soft); font-size: .88rem; }
img { display: block; max-width: 100%; height: auto; padding: .5rem; border-radius: .4rem;
  box-sizing: border-box; background: #ffffff; }
</style>
</head>
<body>
{% for block in blocks %}
{% if block.kind == "heading" %}
<h{{ block.level }} id="{{ block.anchor }}">{{ block.text }}</h{{ block.level }}>
{% if block.level == 1 %}
<nav>
{% for other in blocks if other.kind == "heading" and other.level == 2 %}
<a href="#{{ other.anchor }}">{{ other.text }}</a>
{% endfor %}
</nav>
{% endif %}
{% elif block.kind == "paragraph" %}
<p>{{ block.text }}</p>
{% if block.code %}
<pre><code>{{ block.code }}</code></pre>
{% endif %}
{% elif block.kind == "bullets" %}
<ul>
{% for item in block.items %}
<li>{{ item }}</li>
{% endfor %}
</ul>
{% elif block.kind == "picture" %}
<figure>
<img alt="{{ block.caption }}" src="data:image/png;base64,{{ block.path | embedded }}">
<figcaption>{{ block.caption }}</figcaption>
</figure>
{% else %}
<div class="table" tabindex="0">
<table>
<caption>{{ block.title }}{% if block.note %}<small>{{ block.note }}</small>{% endif %}</caption>
<thead><tr>{% for cell in block.header %}<th scope="col">{{ cell }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in block.rows %}
<tr>
{% for cell in row %}
{% if loop.first %}
<th scope="row" dir="auto">{{ cell }}</th>
{% else %}
<td class="{{ cell | look }}" dir="auto">{{ cell }}</td>
{% endif %}
{% endfor %}
</tr>
{% endfor %}
</tbody>
</table>
</div>
{% endif %}
{% endfor %}
</body>
</html>
"""
