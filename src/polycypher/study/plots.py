"""The study's results as pictures: one PNG a function, the same bytes for the same results.

Shape or position always says the same as colour. Knows nothing of reports, nor of how a figure is written
(`canvas`). Needs matplotlib (`pip install polycypher[study]`), imported when a picture is drawn.

Every function that draws raises a UsageError where the results hold nothing for its picture, or where
matplotlib is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from polycypher.study import canvas, paper, reading
from polycypher.study.aims import AIM_METRICS, BETTER_GATE_AIM, SHARE_AIM
from polycypher.study.canvas import BLACK, BLUE, COLOURS, GREEN, GREY, LINES, MARKERS, ORANGE, ROW, SKY, WIDTH
from polycypher.study.reading import Results
from polycypher.study.tables import NOT_AVAILABLE, NOT_RUN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FAMILIES: Final = {"fusion": BLUE, "linear": ORANGE, "joint": GREEN, "adapter": SKY}
_PROBES: Final = {"exact": "exact match", "ex_": "EX", "rouge_l_": "ROUGE-L"}  # by the start of the key
_SHARE_LIMITS: Final = (-0.5, 1.5)  # a share of a tiny gain is huge and would flatten all others


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture: the function that draws it, and what the results hold for it, empty where nothing."""

    draw: Callable[[Results, Path], Path]
    data: Callable[[Results], Sized]


def scores(results: Results, path: Path) -> Path:
    """Methods by measures: a bar for the average with its interval, a mark for each language."""
    names = _run_methods(results)
    canvas.refuse_empty(names, "methods")
    with canvas.figure(path, WIDTH, 3 * (1.0 + ROW * len(names))) as figure:
        panels = [figure.add_subplot(3, 2, place) for place in range(1, 7)]
        for panel, (metric, title) in zip(panels, reading.METRICS.items(), strict=False):
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
    canvas.refuse_empty(names, "methods base, joint and one more")
    with canvas.figure(path, WIDTH, 1.7 + 2 * ROW * len(names)) as figure:
        panel = figure.add_subplot()
        for metric, colour, shift in (("rouge_l", BLUE, -0.2), ("execution_accuracy", ORANGE, 0.2)):
            shares = [reading.recovered(results, name, metric) for name in names]
            canvas.bars(
                panel, shares, colour, reading.METRICS[metric], shift=shift, limits=_SHARE_LIMITS, places=2
            )
        published = [paper.recovered(name, "rouge_l") for name in names]
        rows = [row - 0.2 for row in range(len(names))]
        canvas.points(
            panel, published, rows, "D", color=BLACK, markersize=6, label="paper, ROUGE-L", zorder=4
        )
        for aim, line in ((SHARE_AIM, "--"), (BETTER_GATE_AIM, ":"), (1.0, "-")):
            panel.axvline(aim, color=BLACK, linestyle=line, linewidth=1)
            panel.text(aim, -0.75, {1.0: "joint"}.get(aim, f"{aim}"), ha="center", va="bottom", fontsize=9)
        panel.axvline(0.0, color=BLACK, linewidth=1)
        panel.text(0.0, -0.75, "base", ha="center", va="bottom", fontsize=9)
        canvas.name_rows(panel, names)
        panel.set_xlim(*_SHARE_LIMITS)
        panel.set_xlabel("share of joint's gain over base recovered, average over languages")
        pairs = zip(*panel.get_legend_handles_labels(), strict=True)
        marks, labels = zip(*sorted(pairs, key=lambda pair: pair[1].startswith("paper")), strict=True)
        figure.legend(marks, labels, loc="outside lower center", ncols=3, frameon=False)
    return path


def confusion(results: Results, path: Path) -> Path:
    """Language of the question by adapter with the largest weight, a heat map a gate."""
    gates = list(reading.part(results, "routing", "confusion"))
    canvas.refuse_empty(gates, "routing/confusion")
    across = min(3, len(gates))
    down = -(-len(gates) // across)
    with canvas.figure(path, max(4.0, 3.0 * across), 3.2 * down) as figure:
        for place, gate in enumerate(gates, start=1):
            names, adapters, shares = reading.confusion(results, gate)
            panel = figure.add_subplot(down, across, place)
            shades = [[0.0 if share is None else share for share in row] for row in shares]
            panel.imshow(shades, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
            for row, line in enumerate(shares):
                for column, share in enumerate(line):
                    text = NOT_AVAILABLE if share is None else f"{share:.2f}"
                    colour = "white" if (share or 0.0) > 0.6 else "black"
                    panel.text(column, row, text, ha="center", va="center", color=colour)
            panel.set_xticks(range(len(adapters)), [reading.head(name) for name in adapters])
            panel.set_yticks(range(len(names)), [reading.head(name) for name in names])
            panel.set_xlabel("adapter with the largest weight")
            if place % across == 1 or across == 1:
                panel.set_ylabel("language of the question")
            panel.set_title(gate)
            panel.spines[:].set_visible(False)
    return path


def top_weights(results: Results, path: Path) -> Path:
    """Histogram of each question's largest weight: a row a gate, a panel a language."""
    gates = reading.top_weights(results)
    canvas.refuse_empty(list(gates), "routing/top")
    columns = list(dict.fromkeys(language for weights in gates.values() for language in weights))
    width = max(5.0, min(WIDTH, 3.0 * len(columns)))
    with canvas.figure(path, width, 2.3 * len(gates) + 0.5) as figure:
        panels = figure.subplots(len(gates), len(columns), sharex=True, sharey=True, squeeze=False)
        for line, (gate, weights) in zip(panels, gates.items(), strict=True):
            for place, (panel, language) in enumerate(zip(line, columns, strict=True)):
                values = weights.get(language, [])
                colour = COLOURS[place % len(COLOURS)]
                heights = [1.0 / len(values)] * len(values)
                panel.hist(values, bins=[step / 20 for step in range(21)], weights=heights, color=colour)
                panel.set_title(f"{gate}\n{reading.head(language)}, {len(values)} questions", fontsize=10)
                panel.set_xlim(0.0, 1.0)
                panel.grid(axis="y")
        figure.supxlabel("largest weight", fontsize=10)
        figure.supylabel("share of questions", fontsize=10)
    return path


def growth(results: Results, path: Path) -> Path:
    """Samples and minutes when the 1st … nth language arrives, joint against fusion."""
    steps = reading.records(results, "growth")
    canvas.refuse_empty(steps, "growth")
    arrived = [[reading.head(str(name)) for name in step.get("languages", ())] for step in steps]
    ticks = [f"{place}\n{names[-1] if names else ''}" for place, names in enumerate(arrived, start=1)]
    with canvas.figure(path, WIDTH, 3.8) as figure:
        for place, unit in enumerate(("samples", "minutes"), start=1):
            panel = figure.add_subplot(1, 2, place)
            for who, colour, style in (("joint", GREEN, "s--"), ("fusion", BLUE, "o-")):
                values = [reading.number(step.get(f"{who}_{unit}")) for step in steps]
                canvas.points(panel, range(len(steps)), values, style, color=colour, label=who)
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
                panel.text(0.5, 0.5, NOT_RUN, ha="center", transform=panel.transAxes)
    return path


def ablations(results: Results, path: Path) -> Path:
    """Routing accuracy and exact answers of every choice, a row of panels a group; the default marked."""
    groups = {name: entries for name, entries in reading.ablation_groups(results).items() if entries}
    canvas.refuse_empty(list(groups), "ablations")
    heights = [1.1 + ROW * len(entries) for entries in groups.values()]
    exact_scale = canvas.scale(
        reading.number(entry.get("exact")) for entry in reading.records(results, "ablations")
    )
    with canvas.figure(path, WIDTH, sum(heights)) as figure:
        panels = figure.subplots(len(groups), 2, squeeze=False, height_ratios=heights)
        for line, (group, entries) in zip(panels, groups.items(), strict=True):
            names = [
                f"{entry.get('name')}{' (default)' if entry.get('default') else ''}" for entry in entries
            ]
            title = reading.ABLATIONS.get(group, group)
            kinds = (("routing", f"{title}: routing", GREEN), ("exact", "exact (gold fed)", BLUE))
            for panel, (key, label, colour) in zip(line, kinds, strict=True):
                values = [reading.number(entry.get(key)) for entry in entries]
                limits = (0.0, 1.0 if key == "routing" else exact_scale)
                canvas.bars(panel, values, colour, None, limits=limits)
                panel.set_title(label, loc="left", fontsize=10)
                panel.set_xlim(*limits)
                panel.locator_params(axis="x", nbins=5)
                canvas.name_rows(panel, names)
            line[1].tick_params(labelleft=False)
    return path


def curves(results: Results, path: Path) -> Path:
    """Training loss by step, a line a training, and beside it what was probed, a mark a language."""
    names = _curve_names(results)
    canvas.refuse_empty(names, "curves")
    marks: dict[str, str] = {}
    measured = ""
    with canvas.figure(path, WIDTH, 4.2) as figure:
        loss, probe = figure.subplots(1, 2)
        for index, name in enumerate(names):
            points = reading.records(results, "curves", name)
            steps = [reading.number(point.get("step")) for point in points]
            # One style more than colours repeat, so that no two of the first 32 lines are alike.
            line = LINES[(index + index // len(COLOURS)) % len(LINES)]
            look = {"color": COLOURS[index % len(COLOURS)], "label": name}
            canvas.points(loss, steps, [reading.number(point.get("loss")) for point in points], line, **look)
            probed = (key for point in points for key in point if key.startswith(tuple(_PROBES)))
            for key in dict.fromkeys(probed):
                language = key.rpartition("_")[2] if key != "exact" else ""
                mark = marks.setdefault(language, MARKERS[len(marks) % len(MARKERS)])
                values = [reading.number(point.get(key)) for point in points]
                canvas.points(probe, steps, values, f"{line}{mark}", markersize=4, **look)
                measured = next(f": {title}" for start, title in _PROBES.items() if key.startswith(start))
        for panel, title in ((loss, "Training loss"), (probe, f"Probe{measured}")):
            panel.set_title(title, loc="left")
            panel.set_xlabel("step")
            panel.grid(axis="y")
            if not panel.lines:
                panel.text(0.5, 0.5, NOT_RUN, ha="center", transform=panel.transAxes)
        keys: dict[str, Any] = {}
        for panel in (probe, loss):  # a training may lack either
            keys |= {label: key for key, label in zip(*panel.get_legend_handles_labels(), strict=True)}
        figure.legend(list(keys.values()), list(keys), loc="outside lower center", ncols=4, frameon=False)
        shapes = [probe.plot([], [], mark, color=BLACK)[0] for mark in marks.values()]
        if any(marks):
            probe.legend(shapes, [reading.head(language) for language in marks], frameon=False)
    return path


PLOTS: Final[Mapping[str, Plot]] = {
    "scores": Plot(scores, lambda results: _run_methods(results)),
    "recovered": Plot(recovered, lambda results: _sharing_methods(results)),
    "confusion": Plot(confusion, lambda results: reading.part(results, "routing", "confusion")),
    "top-weights": Plot(top_weights, lambda results: reading.top_weights(results)),
    "growth": Plot(growth, lambda results: reading.records(results, "growth")),
    "ablations": Plot(ablations, lambda results: reading.records(results, "ablations")),
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
    run = reading.part(results, "methods")
    return [name for name in reading.methods(results) if name in run]


def _sharing_methods(results: Results) -> list[str]:
    """Methods, base and joint apart, with a share of joint's gain to show."""
    return [
        name
        for name in _run_methods(results)
        if name not in ("base", "joint")
        and any(reading.recovered(results, name, key) is not None for key in AIM_METRICS)
    ]


def _curve_names(results: Results) -> list[str]:
    return [name for name in reading.part(results, "curves") if reading.records(results, "curves", name)]


def _score_panel(panel: Axes, results: Results, names: Sequence[str], metric: str) -> None:
    """Horizontal bars of the averages; on each, the languages' marks above its interval."""
    largest = []
    for row, name in enumerate(names):
        average = reading.score(results, name, metric)
        if average is None:
            panel.text(0.0, row, f" {NOT_AVAILABLE}", va="center", color=GREY, fontsize=9)
            continue
        colour = _FAMILIES.get(name.split("-")[0], GREY)
        panel.barh(row, average.value, color=colour, alpha=0.55, height=0.8)
        largest.append(average.value)
        if average.low is not None and average.high is not None:
            # An interval that misses its own mean by rounding must not become a negative length.
            reach = [[max(0.0, average.value - average.low)], [max(0.0, average.high - average.value)]]
            panel.errorbar(average.value, row + 0.2, xerr=reach, color=BLACK, capsize=3, linewidth=1.2)
            largest.append(average.high)
    for index, language in enumerate(reading.languages(results)):
        cells = [reading.score(results, name, metric, language) for name in names]
        values = [None if found is None else found.value for found in cells]
        largest += [value for value in values if value is not None]
        colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
        look = {"color": colour, "markeredgecolor": "white", "markeredgewidth": 0.6, "markersize": 6}
        rows = [row - 0.17 for row in range(len(names))]
        canvas.points(panel, values, rows, marker, clip_on=False, label=reading.head(language), **look)
    panel.set_xlim(0.0, canvas.scale(largest))
    canvas.name_rows(panel, names)
