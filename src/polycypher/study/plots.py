"""The study's results as pictures: one PNG a function, the same bytes for the same results.

A picture is written under a temporary name and renamed, so that a reader never meets half a file. Colours
are Okabe and Ito's, told apart by colour-blind readers; shape or position says the same as colour. Knows
nothing of reports. Needs matplotlib (`pip install polycypher[study]`), imported when a picture is drawn.

Every function that draws raises a UsageError where the results hold nothing for its picture, or where
matplotlib is missing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from polycypher.errors import UsageError
from polycypher.study import paper, tables
from polycypher.study.tables import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE, _ORANGE, _GREEN, _RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
_PURPLE, _SKY, _BLACK, _GREY = "#CC79A7", "#56B4E9", "#000000", "#999999"
_COLOURS: Final = (_BLUE, _RED, _GREEN, _PURPLE, _ORANGE, _SKY, _BLACK, _GREY)
_MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "*")
_BEHIND: Final = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
_LINES: Final = ("-", "--", "-.", ":")
_FAMILIES: Final = {"fusion": _BLUE, "linear": _ORANGE, "joint": _GREEN, "adapter": _SKY}

_PROBES: Final = {"exact": "exact match", "ex_": "EX", "rouge_l_": "ROUGE-L"}  # by the start of the key
_WIDTH: Final = 9.0  # inches; the pictures are read in a column of a page
_DPI: Final = 120
_ROW: Final = 0.26  # inches a line of a bar chart takes
_SHARE_LIMITS: Final = (-0.5, 1.5)  # a share of a tiny gain is huge and would flatten all others
_STYLE: Final[dict[str, Any]] = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "text.parse_math": False,  # a name with two dollar signs is no formula
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture: the function that draws it, and what the results hold for it, empty where nothing."""

    draw: Callable[[Results, Path], Path]
    data: Callable[[Results], Sized]


def scores(results: Results, path: Path) -> Path:
    """Methods by measures: a bar for the average with its interval, a mark for each language."""
    names = _run_methods(results)
    _refuse_empty(names, "methods")
    with _figure(path, _WIDTH, 3 * (1.0 + _ROW * len(names))) as figure:
        panels = [figure.add_subplot(3, 2, place) for place in range(1, 7)]
        for panel, (metric, title) in zip(panels, tables.METRICS.items(), strict=False):
            _score_panel(panel, results, names, metric)
            panel.set_title(title, loc="left")
        for panel in panels[1:5:2]:
            panel.tick_params(labelleft=False)
        panels[-1].axis("off")
        keys = (panel.get_legend_handles_labels() for panel in panels)
        most = max(keys, key=lambda pair: len(pair[1]))  # a language may lack some measure
        panels[-1].legend(*most, loc="center left", frameon=False, fontsize=11)
    return path


def recovered(results: Results, path: Path) -> Path:
    """Share of joint's average gain that each method recovers in ROUGE-L and EX, with the aims as lines."""
    names = _sharing_methods(results)
    _refuse_empty(names, "methods base, joint and one more")
    with _figure(path, _WIDTH, 1.7 + 2 * _ROW * len(names)) as figure:
        panel = figure.add_subplot()
        for metric, colour, shift in (("rouge_l", _BLUE, -0.2), ("execution_accuracy", _ORANGE, 0.2)):
            shares = [tables.recovered(results, name, metric) for name in names]
            _bars(panel, shares, colour, tables.METRICS[metric], shift=shift, limits=_SHARE_LIMITS, places=2)
        published = [paper.recovered(name, "rouge_l") for name in names]
        rows = [row - 0.2 for row in range(len(names))]
        _known(panel, published, rows, "D", color=_BLACK, markersize=6, label="paper, ROUGE-L", zorder=4)
        for aim, line in ((0.75, "--"), (0.9, ":"), (1.0, "-")):
            panel.axvline(aim, color=_BLACK, linestyle=line, linewidth=1)
            panel.text(aim, -0.75, {1.0: "joint"}.get(aim, f"{aim}"), ha="center", va="bottom", fontsize=9)
        panel.axvline(0.0, color=_BLACK, linewidth=1)
        panel.text(0.0, -0.75, "base", ha="center", va="bottom", fontsize=9)
        _name_rows(panel, names)
        panel.set_xlim(*_SHARE_LIMITS)
        panel.set_xlabel("share of joint's gain over base recovered, average over languages")
        pairs = zip(*panel.get_legend_handles_labels(), strict=True)
        marks, labels = zip(*sorted(pairs, key=lambda pair: pair[1].startswith("paper")), strict=True)
        figure.legend(marks, labels, loc="outside lower center", ncols=3, frameon=False)
    return path


def confusion(results: Results, path: Path) -> Path:
    """Language of the question by adapter with the largest weight, a heat map a gate."""
    gates = list(tables.part(results, "routing", "confusion"))
    _refuse_empty(gates, "routing/confusion")
    across = min(3, len(gates))
    down = -(-len(gates) // across)
    with _figure(path, max(4.0, 3.0 * across), 3.2 * down) as figure:
        for place, gate in enumerate(gates, start=1):
            names, adapters, shares = tables.confusion(results, gate)
            panel = figure.add_subplot(down, across, place)
            shades = [[0.0 if share is None else share for share in row] for row in shares]
            panel.imshow(shades, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
            for row, line in enumerate(shares):
                for column, share in enumerate(line):
                    text = tables.NOT_AVAILABLE if share is None else f"{share:.2f}"
                    colour = "white" if (share or 0.0) > 0.6 else "black"
                    panel.text(column, row, text, ha="center", va="center", color=colour)
            panel.set_xticks(range(len(adapters)), [tables.head(name) for name in adapters])
            panel.set_yticks(range(len(names)), [tables.head(name) for name in names])
            panel.set_xlabel("adapter with the largest weight")
            if place % across == 1 or across == 1:
                panel.set_ylabel("language of the question")
            panel.set_title(gate)
            panel.spines[:].set_visible(False)
    return path


def top_weights(results: Results, path: Path) -> Path:
    """Histogram of each question's largest weight: a row a gate, a panel a language."""
    gates = _weighed_gates(results)
    _refuse_empty(list(gates), "routing/top")
    columns = list(dict.fromkeys(language for weights in gates.values() for language in weights))
    width = max(5.0, min(_WIDTH, 3.0 * len(columns)))
    with _figure(path, width, 2.3 * len(gates) + 0.5) as figure:
        panels = figure.subplots(len(gates), len(columns), sharex=True, sharey=True, squeeze=False)
        for line, (gate, weights) in zip(panels, gates.items(), strict=True):
            for place, (panel, language) in enumerate(zip(line, columns, strict=True)):
                values = weights.get(language, [])
                colour = _COLOURS[place % len(_COLOURS)]
                heights = [1.0 / len(values)] * len(values)
                panel.hist(values, bins=[step / 20 for step in range(21)], weights=heights, color=colour)
                panel.set_title(f"{gate}\n{tables.head(language)}, {len(values)} questions", fontsize=10)
                panel.set_xlim(0.0, 1.0)
                panel.grid(axis="y")
        figure.supxlabel("largest weight", fontsize=10)
        figure.supylabel("share of questions", fontsize=10)
    return path


def growth(results: Results, path: Path) -> Path:
    """Samples and minutes when the 1st … nth language arrives, joint against fusion."""
    steps = tables.records(results, "growth")
    _refuse_empty(steps, "growth")
    arrived = [[tables.head(str(name)) for name in step.get("languages", ())] for step in steps]
    ticks = [f"{place}\n{names[-1] if names else ''}" for place, names in enumerate(arrived, start=1)]
    with _figure(path, _WIDTH, 3.8) as figure:
        for place, unit in enumerate(("samples", "minutes"), start=1):
            panel = figure.add_subplot(1, 2, place)
            for who, colour, style in (("joint", _GREEN, "s--"), ("fusion", _BLUE, "o-")):
                values = [tables.number(step.get(f"{who}_{unit}")) for step in steps]
                _known(panel, range(len(steps)), values, style, color=colour, label=who)
            panel.set_xticks(range(len(steps)), ticks)
            panel.set_xlim(-0.3, len(steps) - 0.7)
            panel.set_ylim(bottom=0.0)
            panel.set_xlabel("language added")
            panel.set_title(f"Training {unit}", loc="left")
            panel.yaxis.set_major_formatter("{x:,.10g}")
            panel.grid(axis="y")
            if panel.lines:
                panel.legend(frameon=False)
            else:
                panel.text(0.5, 0.5, tables.NOT_RUN, ha="center", transform=panel.transAxes)
    return path


def ablations(results: Results, path: Path) -> Path:
    """Routing accuracy and exact answers of every choice, a row of panels a group; the default marked."""
    groups = {name: entries for name, entries in tables.ablation_groups(results).items() if entries}
    _refuse_empty(list(groups), "ablations")
    heights = [1.1 + _ROW * len(entries) for entries in groups.values()]
    exact_scale = _scale(tables.number(entry.get("exact")) for entry in tables.records(results, "ablations"))
    with _figure(path, _WIDTH, sum(heights)) as figure:
        panels = figure.subplots(len(groups), 2, squeeze=False, height_ratios=heights)
        for line, (group, entries) in zip(panels, groups.items(), strict=True):
            names = [
                f"{entry.get('name')}{' (default)' if entry.get('default') else ''}" for entry in entries
            ]
            title = tables.ABLATIONS.get(group, group)
            kinds = (("routing", f"{title}: routing", _GREEN), ("exact", "exact (gold fed)", _BLUE))
            for panel, (key, label, colour) in zip(line, kinds, strict=True):
                values = [tables.number(entry.get(key)) for entry in entries]
                limits = (0.0, 1.0 if key == "routing" else exact_scale)
                _bars(panel, values, colour, None, limits=limits)
                panel.set_title(label, loc="left", fontsize=10)
                panel.set_xlim(*limits)
                panel.locator_params(axis="x", nbins=5)
                _name_rows(panel, names)
            line[1].tick_params(labelleft=False)
    return path


def curves(results: Results, path: Path) -> Path:
    """Training loss by step, a line a training, and beside it what was probed, a mark a language."""
    names = _curve_names(results)
    _refuse_empty(names, "curves")
    marks: dict[str, str] = {}
    measured = ""
    with _figure(path, _WIDTH, 4.2) as figure:
        loss, probe = figure.subplots(1, 2)
        for index, name in enumerate(names):
            points = tables.records(results, "curves", name)
            steps = [tables.number(point.get("step")) for point in points]
            # One style more than colours repeat, so that no two of the first 32 lines are alike.
            line = _LINES[(index + index // len(_COLOURS)) % len(_LINES)]
            look = {"color": _COLOURS[index % len(_COLOURS)], "label": name}
            _known(loss, steps, [tables.number(point.get("loss")) for point in points], line, **look)
            probed = (key for point in points for key in point if key.startswith(tuple(_PROBES)))
            for key in dict.fromkeys(probed):
                language = key.rpartition("_")[2] if key != "exact" else ""
                mark = marks.setdefault(language, _MARKERS[len(marks) % len(_MARKERS)])
                values = [tables.number(point.get(key)) for point in points]
                _known(probe, steps, values, f"{line}{mark}", markersize=4, **look)
                measured = next(f": {title}" for start, title in _PROBES.items() if key.startswith(start))
        for panel, title in ((loss, "Training loss"), (probe, f"Probe{measured}")):
            panel.set_title(title, loc="left")
            panel.set_xlabel("step")
            panel.grid(axis="y")
            if not panel.lines:
                panel.text(0.5, 0.5, tables.NOT_RUN, ha="center", transform=panel.transAxes)
        keys: dict[str, Any] = {}
        for panel in (probe, loss):  # a training may lack either
            keys |= {label: key for key, label in zip(*panel.get_legend_handles_labels(), strict=True)}
        figure.legend(list(keys.values()), list(keys), loc="outside lower center", ncols=4, frameon=False)
        shapes = [probe.plot([], [], mark, color=_BLACK)[0] for mark in marks.values()]
        if any(marks):
            probe.legend(shapes, [tables.head(language) for language in marks], frameon=False)
    return path


PLOTS: Final[Mapping[str, Plot]] = {
    "scores": Plot(scores, lambda results: _run_methods(results)),
    "recovered": Plot(recovered, lambda results: _sharing_methods(results)),
    "confusion": Plot(confusion, lambda results: tables.part(results, "routing", "confusion")),
    "top-weights": Plot(top_weights, lambda results: _weighed_gates(results)),
    "growth": Plot(growth, lambda results: tables.records(results, "growth")),
    "ablations": Plot(ablations, lambda results: tables.records(results, "ablations")),
    "curves": Plot(curves, lambda results: _curve_names(results)),
}
"""File name without ending → picture."""


def draw_all(results: Results, folder: Path) -> dict[str, Path]:
    """Draws every picture that the results hold data for as `folder/<name>.png`; name → path.

    Raises:
        UsageError: matplotlib is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return {
        name: plot.draw(results, folder / f"{name}.png") for name, plot in PLOTS.items() if plot.data(results)
    }


def _run_methods(results: Results) -> list[str]:
    run = tables.part(results, "methods")
    return [name for name in tables.methods(results) if name in run]


def _sharing_methods(results: Results) -> list[str]:
    """Methods, base and joint apart, with a share of joint's gain to show."""
    return [
        name
        for name in _run_methods(results)
        if name not in ("base", "joint")
        and any(tables.recovered(results, name, key) is not None for key in ("rouge_l", "execution_accuracy"))
    ]


def _curve_names(results: Results) -> list[str]:
    return [name for name in tables.part(results, "curves") if tables.records(results, "curves", name)]


def _weighed_gates(results: Results) -> dict[str, dict[str, list[float]]]:
    """Gate → language → the largest weight of each question; gates and languages without one left out."""
    gates: dict[str, dict[str, list[float]]] = {}
    for gate in tables.part(results, "routing", "top"):
        for language, weights in tables.part(results, "routing", "top", gate).items():
            known = [value for value in map(tables.number, weights or ()) if value is not None]
            if known:
                gates.setdefault(gate, {})[language] = known
    return gates


def _score_panel(panel: Axes, results: Results, names: Sequence[str], metric: str) -> None:
    """Horizontal bars of the averages; on each, the languages' marks above its interval."""
    largest = []
    for row, name in enumerate(names):
        average = tables.score(results, name, metric)
        if average is None:
            panel.text(0.0, row, f" {tables.NOT_AVAILABLE}", va="center", color=_GREY, fontsize=9)
            continue
        colour = _FAMILIES.get(name.split("-")[0], _GREY)
        panel.barh(row, average.value, color=colour, alpha=0.55, height=0.8)
        largest.append(average.value)
        if average.low is not None and average.high is not None:
            # An interval that misses its own mean by rounding must not become a negative length.
            reach = [[max(0.0, average.value - average.low)], [max(0.0, average.high - average.value)]]
            panel.errorbar(average.value, row + 0.2, xerr=reach, color=_BLACK, capsize=3, linewidth=1.2)
            largest.append(average.high)
    for index, language in enumerate(tables.languages(results)):
        cells = [tables.score(results, name, metric, language) for name in names]
        values = [None if found is None else found.value for found in cells]
        largest += [value for value in values if value is not None]
        colour, marker = _COLOURS[index % len(_COLOURS)], _MARKERS[index % len(_MARKERS)]
        look = {"color": colour, "markeredgecolor": "white", "markeredgewidth": 0.6, "markersize": 6}
        rows = [row - 0.17 for row in range(len(names))]
        _known(panel, values, rows, marker, clip_on=False, label=tables.head(language), **look)
    panel.set_xlim(0.0, _scale(largest))
    _name_rows(panel, names)


def _bars(
    panel: Axes,
    values: Sequence[float | None],
    colour: str,
    label: str | None,
    *,
    shift: float = 0.0,
    limits: tuple[float, float] = (0.0, 1.0),
    places: int = 3,
) -> None:
    """Horizontal bars with their values written beside; a missing one reads "n/a". Cut at `limits`."""
    height = 0.72 if shift == 0.0 else 0.38
    for row, value in enumerate(values):
        text = tables.NOT_AVAILABLE if value is None else f"{value:.{places}f}"
        end = min(max(value or 0.0, limits[0]), limits[1])
        panel.barh(row + shift, end, height, color=colour, label=label if row == 0 else None)
        room = end < limits[0] + 0.85 * (limits[1] - limits[0])
        place, side = (max(end, 0.0), "left") if room else (end, "right")
        panel.annotate(text, (place, row + shift), (4 if room else -4, 0), textcoords="offset points",
                       ha=side, va="center", fontsize=8, color="black" if room else "white",
                       bbox=_BEHIND if room else None)  # fmt: skip


def _name_rows(panel: Axes, names: Sequence[str]) -> None:
    """Names down the left side, the first on top, with a light vertical grid."""
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.grid(axis="x")


def _known(
    panel: Axes, across: Sequence[float | None], up: Sequence[float | None], style: str, **look: Any
) -> int:
    """A line or marks through the points of which both numbers are known; how many there are."""
    points = [(x, y) for x, y in zip(across, up, strict=True) if x is not None and y is not None]
    if points:
        panel.plot([x for x, _ in points], [y for _, y in points], style, **look)
    return len(points)


def _scale(values: Iterable[float | None]) -> float:
    """Upper end of an axis of shares: somewhat above the largest, at least 0.05 and at most 1."""
    return min(1.0, max(0.05, 1.15 * max((value for value in values if value is not None), default=1.0)))


def _refuse_empty(data: Sequence[object], where: str) -> None:
    if not data:
        raise UsageError(f"the study's results hold nothing to draw at {where}; run that stage first")


@contextmanager
def _figure(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure of `width` by `height` inches in this module's own style, written to `path` at the end."""
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError("plots need matplotlib; install it with: pip install 'polycypher[study]'") from error
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's own style must not change the picture
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        partial = path.with_name(f".{path.name}.partial")
        try:
            # Without the writer's version the bytes depend on the results alone.
            figure.savefig(partial, format="png", metadata={"Software": None})
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
