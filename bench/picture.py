"""Draws docs/demo.svg: what `polycypher demo` prints, as a picture.

python bench/picture.py docs/demo.svg
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

import polycypher.ask as rooms
from polycypher.console import row_table, weight_bars


def main(target: Path) -> None:
    """Ask the demo's questions and record the terminal."""
    screen = Console(record=True, width=92, force_terminal=True, file=io.StringIO())
    translator, store, _ = rooms.open_both()
    with translator, store:
        for _, question in rooms.examples_of_questions():
            answer = rooms.ask(question, translator, store)
            screen.print(Text.assemble(("$ polycypher ask ", "green"), (f'"{question}"', "bold")))
            screen.print(Text(answer.cypher, style="magenta"))
            screen.print(weight_bars(answer.weights or {}))
            screen.print(row_table(answer))
            times = " · ".join(
                f"{stage} {ms:.0f} ms" for stage, ms in answer.elapsed_ms.items() if stage != "load"
            )
            screen.print(Text(f"{len(answer.rows)} rows · {times}\n", style="dim"))
    drawn = screen.export_svg(title="polycypher")
    # The reader's own monospaced font: a picture of this project asks nothing of the network.
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL).replace("Fira Code", "monospace")
    target.write_text(re.sub(r"<!-- .*? -->\s*", "", drawn), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
