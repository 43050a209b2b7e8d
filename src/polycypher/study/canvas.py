"""The canvas of the study's pictures: palette, figure, bars, marks; one look for all of them.

A picture is written under a temporary name and renamed, so that a reader never meets half a file. Colours
are Okabe and Ito's, told apart by colour-blind readers. Knows nothing of what is drawn. Needs matplotlib
(`pip install polycypher[study]`), imported when a picture is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from polycypher.errors import UsageError
from polycypher.study.files import replacing
from polycypher.study.tables import NOT_AVAILABLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, BLACK, GREY = "#CC79A7", "#56B4E9", "#000000", "#999999"
COLOURS: Final = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY)
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES: Final = ("-", "--", "-.", ":")
WIDTH: Final = 9.0
"""Inches of a whole picture; pictures are read in a column of a page."""
ROW: Final = 0.26
"""Inches that a line of a bar chart takes."""

_BEHIND: Final = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
_DPI: Final = 120
_STYLE: Final[dict[str, Any]] = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "text.parse_math": False,  # a name with two dollar signs is no formula
}


def bars(
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
        text = NOT_AVAILABLE if value is None else f"{value:.{places}f}"
        end = min(max(value or 0.0, limits[0]), limits[1])
        panel.barh(row + shift, end, height, color=colour, label=label if row == 0 else None)
        room = end < limits[0] + 0.85 * (limits[1] - limits[0])
        place, side = (max(end, 0.0), "left") if room else (end, "right")
        panel.annotate(text, (place, row + shift), (4 if room else -4, 0), textcoords="offset points",
                       ha=side, va="center", fontsize=8, color="black" if room else "white",
                       bbox=_BEHIND if room else None)  # fmt: skip


def name_rows(panel: Axes, names: Sequence[str]) -> None:
    """Names down the left side, the first on top, with a light vertical grid."""
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.4, -0.6)
    panel.grid(axis="x")


def points(
    panel: Axes, across: Sequence[float | None], up: Sequence[float | None], style: str, **look: Any
) -> int:
    """A line or marks through the points of which both numbers are known; how many there are."""
    known = [(x, y) for x, y in zip(across, up, strict=True) if x is not None and y is not None]
    if known:
        panel.plot([x for x, _ in known], [y for _, y in known], style, **look)
    return len(known)


def scale(values: Iterable[float | None]) -> float:
    """Upper end of an axis of shares: somewhat above the largest, at least 0.05 and at most 1."""
    return min(1.0, max(0.05, 1.15 * max((value for value in values if value is not None), default=1.0)))


def refuse_empty(data: Sequence[object], where: str) -> None:
    """Refuse to draw a picture of nothing.

    Raises:
        UsageError: there is no data; `where` says which part of the results lacks it.
    """
    if not data:
        raise UsageError(f"the study's results hold nothing to draw at {where}; run that stage first")


@contextmanager
def figure(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure of `width` by `height` inches in this module's own style, written to `path` at the end.

    Raises:
        UsageError: matplotlib is missing.
        OSError: the file cannot be written; an older one stays.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError("plots need matplotlib; install it with: pip install 'polycypher[study]'") from error
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's own style must not change the picture
        matplotlib.rcParams.update(_STYLE)
        drawn = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn
        with replacing(path) as temporary:
            # Without the writer's version the bytes depend on the results alone.
            drawn.savefig(temporary, format="png", metadata={"Software": None})
