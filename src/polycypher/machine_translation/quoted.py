"""`QuotedKeeper`: quoted values and identifiers go through a translation as they are.

A question about a graph names values and properties that are stored in one language only: "Clint Eastwood",
firstName, ACTED_IN. Each is replaced by a placeholder, a word that no language has, and put back afterwards.
If the engine loses, doubles or makes up a placeholder, the text is translated again in pieces: what stands
between the kept values, each piece by itself, joined in the source's order. The values then survive for
certain, at the price of a word order that may be the source's; `pieced` counts these texts. Knows nothing
of engines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from polycypher.machine_translation.protocol import MachineTranslator

_KEPT = re.compile(
    r"""
      "[^"\n]+" | “[^”\n]+” | „[^“”\n]+[“”] | «[^»\n]+» | `[^`\n]+`
    | (?<!\w)'(?:[^'\n]|(?<=\w)'(?=\w))+'(?!\w) | ‘[^’\n]+’(?!\w)   # not the apostrophe of a word
    | \b\w*_\w+\b                                                   # ACTED_IN, first_name
    | \b[^\W_]*[a-z][A-Z]\w*\b                                      # MovieTitle, firstName
    """,
    re.VERBOSE,
)
_STEMS = ("ZX", "QZ", "XQ", "ZQX", "QXZ")
"""What a placeholder begins with; the first that the text does not hold."""


class QuotedKeeper:
    """A `MachineTranslator` around another that does not translate what is quoted or an identifier."""

    def __init__(self, inner: MachineTranslator) -> None:
        self._inner = inner
        self.pieced = 0
        """Texts translated in pieces so far, as the engine lost a placeholder."""

    @property
    def name(self) -> str:
        """The inner engine's, marked: its translations differ."""
        return f"{self._inner.name}+quoted"

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """The translations, each with every kept value of its text exactly as often as in the text.

        Raises:
            ModelError, UsageError: as the inner engine.
        """
        hidden = [hide(text) for text in texts]
        found = self._inner.translate([text for text, _ in hidden], source, target)
        shown = [reveal(text, kept) for text, (_, kept) in zip(found, hidden, strict=True)]
        return [
            self._in_pieces(texts[place], source, target) if text is None else text
            for place, text in enumerate(shown)
        ]

    def _in_pieces(self, text: str, source: str, target: str) -> str:
        self.pieced += 1
        pieces = _KEPT.split(text)
        values = _KEPT.findall(text)
        # a piece without letters (a blank, a full stop) is no text to translate
        worded = [place for place, piece in enumerate(pieces) if re.search(r"[^\W\d_]", piece)]
        said = self._inner.translate([pieces[place].strip() for place in worded], source, target)
        for place, translation in zip(worded, said, strict=True):
            piece = pieces[place]
            before = piece[: len(piece) - len(piece.lstrip())]
            pieces[place] = before + translation.strip() + piece[len(piece.rstrip()) :]
        return "".join(part for pair in zip(pieces, [*values, ""], strict=True) for part in pair)


def hide(text: str) -> tuple[str, dict[str, str]]:
    """The text with placeholders, and placeholder → what it stands for, in order."""
    stem = next((stem for stem in _STEMS if stem.casefold() not in text.casefold()), "")
    if not stem:
        return text, {}
    kept: dict[str, str] = {}

    def replace(match: re.Match[str]) -> str:
        placeholder = f"{stem}{len(kept)}"
        kept[placeholder] = match.group()
        return placeholder

    return _KEPT.sub(replace, text), kept


def reveal(text: str, kept: dict[str, str]) -> str | None:
    """The text with its placeholders' values, or None if not every placeholder is in it exactly once.

    An engine may change a placeholder's case, put a blank before its number, or quote it.
    """
    if not kept:
        return text
    stem = next(iter(kept)).rstrip("0123456789")
    pattern = re.compile(rf"(?<!\w){stem}\s?(\d+)(?!\d)", re.IGNORECASE)
    found = Counter(f"{stem}{int(number)}" for number in pattern.findall(text))
    if found != Counter(kept.keys()):
        return None
    return pattern.sub(lambda match: kept[f"{stem}{int(match.group(1))}"], text)
