"""Templates: the small notation in which a language's data files write their phrases.

    {slot}  {slot:feature}   the form of a slot (`{np:pl}`, `{v:abl}`); `*` in a feature stands for the
                             feature that the surrounding template is asked for (`{E:sg.*}`)
    [a|b|]                   one of the alternatives, at random
    <el|la>  <P:el|la>       by the grammatical gender of the slot (`np` unless named)
    <@that|who>              by whether the slot names people
    <*der|dat:dem|gen:des>   by the feature that the surrounding template is asked for: the alternative of
                             its last part, else the first (an article by case)

Alternatives nest. A template knows no language and no schema: it asks its slots for forms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from random import Random
from typing import Protocol

from polycypher.errors import UsageError


class Word(Protocol):
    """What can stand in a slot: something with a gender, people or not, and forms by feature."""

    @property
    def gender(self) -> int:
        """Index into the language's genders."""

    @property
    def person(self) -> bool:
        """Whether it names people."""

    def form(self, feature: str) -> str | Template:
        """The text for a feature such as `pl` or `sg.acc`."""


Context = Mapping[str, Word]
_Part = Callable[[Context, Random, str], str]
_HEAD = re.compile(r"(@?)(?:([A-Za-z_]\w*):)?")
_FEATURE = re.compile(r"([a-z]+):")


class Template:
    """A compiled template. `source` is its text as written in the data file."""

    __slots__ = ("_parts", "slots", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.slots: set[str] = set()
        parser = _Parser(source, self.slots)
        self._parts = parser.sequence("")
        if parser.at < len(source):
            raise UsageError(
                f"template '{source}': unexpected '{source[parser.at]}' at {parser.at}; close what opens"
            )

    def render(self, context: Context, rng: Random, feature: str = "") -> str:
        """The text with every slot filled. Raises `KeyError` for a slot that `context` lacks."""
        return "".join(
            [part if isinstance(part, str) else part(context, rng, feature) for part in self._parts]
        )

    def __repr__(self) -> str:
        return f"Template({self.source!r})"


class _Parser:
    """Recursive descent over the notation of the module's docstring."""

    def __init__(self, text: str, slots: set[str]) -> None:
        self.text = text
        self.at = 0
        self.slots = slots

    def sequence(self, stops: str) -> list[str | _Part]:
        parts: list[str | _Part] = []
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in stops:
            sign = self.text[self.at]
            if sign in "{[<":
                if start < self.at:
                    parts.append(self.text[start : self.at])
                self.at += 1
                parts.append({"{": self._slot, "[": self._choice, "<": self._agreement}[sign]())
                start = self.at
            elif sign in "}]>":
                break
            else:
                self.at += 1
        if start < self.at:
            parts.append(self.text[start : self.at])
        return parts

    def _slot(self) -> _Part:
        end = self.text.find("}", self.at)
        if end < 0:
            raise UsageError(f"template '{self.text}': a '{{' is not closed")
        name, _, wanted = self.text[self.at : end].partition(":")
        self.at = end + 1
        self.slots.add(name)
        if "*" in wanted:

            def passed(context: Context, rng: Random, feature: str) -> str:
                return _form(context[name], wanted.replace("*", feature).strip("."), context, rng)

            return passed

        def plain(context: Context, rng: Random, feature: str) -> str:
            return _form(context[name], wanted, context, rng)

        return plain

    def _alternatives(self, close: str, before: Callable[[int], None] | None = None) -> list[_Part]:
        """The alternatives up to `close`; `before` is called at the start of each, with its index."""
        found: list[_Part] = []
        while True:
            if before is not None:
                before(len(found))
            found.append(_joined(self.sequence("|" + close)))
            if self.at >= len(self.text):
                raise UsageError(f"template '{self.text}': '{close}' is missing")
            self.at += 1
            if self.text[self.at - 1] == close:
                return found

    def _choice(self) -> _Part:
        choices = self._alternatives("]")
        count = len(choices)

        def choose(context: Context, rng: Random, feature: str) -> str:
            return choices[int(rng.random() * count)](context, rng, feature)

        return choose

    def _by_feature(self) -> _Part:
        named: dict[str, int] = {}

        def name(index: int) -> None:
            found = _FEATURE.match(self.text, self.at) if index else None
            if found is not None:
                named[found[1]] = index
                self.at = found.end()

        choices = self._alternatives(">", name)

        def choose(context: Context, rng: Random, feature: str) -> str:
            return choices[named.get(feature.rpartition(".")[2], 0)](context, rng, feature)

        return choose

    def _agreement(self) -> _Part:
        if self.text.startswith("*", self.at):
            self.at += 1
            return self._by_feature()
        found = _HEAD.match(self.text, self.at)
        assert found is not None  # both groups are optional
        self.at = found.end()
        by_person, name = bool(found[1]), found[2] or "np"
        choices = self._alternatives(">")
        last = len(choices) - 1

        def agree(context: Context, rng: Random, feature: str) -> str:
            word = context[name]
            index = int(word.person) if by_person else word.gender
            return choices[min(index, last)](context, rng, feature)

        return agree


def _form(word: Word, feature: str, context: Context, rng: Random) -> str:
    found = word.form(feature)
    return found if isinstance(found, str) else found.render(context, rng)


def _joined(parts: list[str | _Part]) -> _Part:
    if not parts:
        return lambda context, rng, feature: ""
    if len(parts) == 1:
        only = parts[0]
        if isinstance(only, str):
            return lambda context, rng, feature: only
        return only

    def join(context: Context, rng: Random, feature: str) -> str:
        return "".join([part if isinstance(part, str) else part(context, rng, feature) for part in parts])

    return join
