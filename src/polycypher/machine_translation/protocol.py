"""`MachineTranslator`: texts in, texts out. Knows nothing of engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class MachineTranslator(Protocol):
    """Anything that translates."""

    @property
    def name(self) -> str:
        """What tells this engine and its settings from others that translate differently."""
        ...

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """The texts in another language, one each in their order.

        Args:
            texts: in the source language.
            source: BCP 47 code of the texts' language.
            target: BCP 47 code of the language wanted.

        Raises:
            ModelError: the engine cannot be reached, or does not know a language.
            UsageError: a code that is none, or a text that a file of translations lacks.
        """
        ...
