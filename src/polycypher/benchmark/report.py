"""The bench's result for people: terminal table, Markdown, plot. Knows nothing of measuring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

COLUMNS = (
    ("total ÷ PEFT", "ratio"),
    ("to gate ms", "gate_ms"),
    ("first token ms", "first_ms"),
    ("a token ms", "token_ms"),
    ("total ms", "total_ms"),
    ("questions/s", "questions_a_second"),
    ("memory MB", "memory_mb"),
)


def tables(result: Mapping[str, Any]) -> list[Table]:
    """A table a workload, for the terminal."""
    made = []
    for title, rows in _groups(result["rows"]):
        table = Table("", *(name for name, _ in COLUMNS), title=title)
        for row in rows:
            table.add_row(row["contender"], *_cells(row))
        made.append(table)
    return made


def markdown(result: Mapping[str, Any], command: str, commit: str) -> str:
    """The generated part of docs/performance.md."""
    lines = [
        f"`{command}` at commit {commit}: {result['model']}, {result['dtype']}, {result['device']}, "
        f"{result['threads']} thread(s), PyTorch {result['torch']}, {result['rounds']} interleaved rounds. "
        f"Weights read a token: {result['weight_mb']:,} MB; a copy runs at {result['bandwidth_gb_s']} GB/s "
        f"here, so the floor is {result['floor_token_ms']} ms a token. Ratios are medians of the rounds' own "
        "ratios [lower quartile, upper quartile]; times are medians.",
        "",
    ]
    for title, rows in _groups(result["rows"]):
        lines += [
            f"**{title}**",
            "",
            "| | " + " | ".join(name for name, _ in COLUMNS) + " |",
            "| --- |" + " ---: |" * len(COLUMNS),
            *(f"| {row['contender']} | " + " | ".join(_cells(row)) + " |" for row in rows),
            "",
        ]
    if repeated := result.get("repeated_schema"):
        lines += [
            "**Questions on one schema, one after another (`pruned`)**",
            "",
            "| prompt | first ms | later ms | whole answer faster by | first token faster by |",
            "| ---: | ---: | ---: | ---: | ---: |",
            *(
                f"| {one['prompt']} | {one['first_ms']} | {one['later_ms']} | {_spread(one['faster'])} | "
                f"{_spread(one['faster_to_first_token'])} |"
                for one in repeated
            ),
            "",
        ]
    if cost := result.get("constrained"):
        lines += [
            f"**Constrained decoding** takes {_spread(cost['ratio'])} times as long as free decoding on the "
            f"demo's questions ({cost['constrained_ms'][0]} ms a question against {cost['free_ms'][0]}), the "
            "making of each question's grammar included.",
            "",
        ]
    return "\n".join(lines)


def plot(result: Mapping[str, Any], path: Path) -> None:
    """Bars of the ratios of each workload, with their quartiles, as PNG; needs matplotlib."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    groups = _groups(result["rows"])
    figure, axes = pyplot.subplots(
        len(groups),
        1,
        figsize=(8, 0.4 + sum(0.34 * len(rows) + 0.7 for _, rows in groups)),
        height_ratios=[len(rows) for _, rows in groups],
        squeeze=False,
        layout="constrained",
    )
    for axis, (title, rows) in zip(axes[:, 0], groups, strict=True):
        names = [row["contender"] for row in rows][::-1]
        middle = [row["ratio"][0] for row in rows][::-1]
        low = [max(0.0, row["ratio"][0] - row["ratio"][1]) for row in rows][::-1]
        high = [max(0.0, row["ratio"][2] - row["ratio"][0]) for row in rows][::-1]
        colours = ["#3b6ea8" if name.startswith("ours") else "#b8b8b8" for name in names]
        axis.barh(names, middle, xerr=[low, high], color=colours, error_kw={"lw": 0.8})
        axis.axvline(1.0, color="#444444", lw=0.8, ls=":")
        axis.set_title(title, fontsize=9, loc="left")
        axis.set_xscale("log")
        axis.set_xticks([0.25, 0.5, 1, 2, 4, 8], ["0.25", "0.5", "1", "2", "4", "8"], minor=False)
        axis.minorticks_off()
        axis.tick_params(labelsize=8)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    axes[-1, 0].set_xlabel("time ÷ one adapter in plain PEFT (same run)", fontsize=8)
    temporary = path.with_name(f".{path.name}")
    figure.savefig(temporary, dpi=130, format="png")
    pyplot.close(figure)
    temporary.replace(path)


def _groups(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Rows by workload, in the order they were measured."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        title = (
            f"{row['workload'].capitalize()}, {row['adapters']} adapters, prompt of {row['prompt']} tokens, "
            f"{row['tokens']} new"
        )
        found.setdefault(title, []).append(row)
    return list(found.items())


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [
        _spread(row[key]) if key == "ratio" else "" if row[key] is None else f"{row[key]:,.4g}"
        for _, key in COLUMNS
    ]


def _spread(values: Sequence[float]) -> str:
    middle, low, high = values
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"
