"""The blocks that a report is made of, and their Markdown.

Questions are untrusted text: all that a block holds is escaped. Knows nothing of results or of HTML.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from polycypher.study.tables import Table


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
"""A part of a report, in reading order."""


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


def _escaped(text: str) -> str:
    """`text` so that Markdown shows it as it is: no HTML, no emphasis, no link, no end of a table's cell."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*|$~])", r"\\\1", text)
    text = re.sub(r"\](?=[(\[:])", r"\\]", text)  # alone, brackets are no link: intervals stay readable
    return re.sub(r"(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])", r"\\_", text)
