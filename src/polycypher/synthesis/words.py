"""What fills a slot while a question is said: texts, phrases, and templates that hand a feature on.

Each answers `form(feature)`, as `polycypher.synthesis.template.Word` asks. Knows nothing of plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from polycypher.synthesis.language import Language
from polycypher.synthesis.morphology import Noun
from polycypher.synthesis.plan import Scalar
from polycypher.synthesis.template import Template, Word


class Text:
    """Words that carry suffixes but no other form: a value, a number."""

    __slots__ = ("_kind", "_language", "gender", "person", "plain", "text")

    def __init__(self, language: Language, text: str, kind: str, plain: str = "") -> None:
        self._language = language
        self.text = text
        self.plain = plain or text
        self._kind = kind
        self.gender = 0
        self.person = False

    def form(self, feature: str) -> str:
        if not feature:
            return self.text
        if feature == "plain":
            return self.plain
        morphology = self._language.morphology
        return (
            morphology.word(self.text, feature)
            if self._kind == "word"
            else morphology.value(self.text, feature)
        )


class Phrase:
    """A head noun with text before and after it; `tail` is what may also stand apart, later in a sentence."""

    __slots__ = ("_after", "_before", "gender", "head", "person", "tail")

    def __init__(self, head: Noun, before: str, after: str, tail: str = "") -> None:
        self.head = head
        self._before = before
        self._after = after
        self.tail = tail
        self.gender = head.gender
        self.person = head.person

    @property
    def core(self) -> Phrase:
        """The phrase without its tail."""
        return Phrase(self.head, self._before, self._after)

    def form(self, feature: str) -> str:
        return f"{self._before}{self.head.form(feature)}{self._after}{self.tail}"


class Many:
    """A phrase inside another: always plural."""

    __slots__ = ("_word", "gender", "person")

    def __init__(self, word: Word) -> None:
        self._word = word
        self.gender = word.gender
        self.person = word.person

    def form(self, feature: str) -> str | Template:
        return self._word.form(f"pl.{feature}" if feature else "pl")


class Composed:
    """A template that is asked for a form: it hands the feature on to its own slots."""

    __slots__ = ("_context", "_rng", "_template", "gender", "person")

    def __init__(
        self, template: Template, context: Mapping[str, Word], rng: Random, head: Word | None = None
    ) -> None:
        self._template = template
        self._context = context
        self._rng = rng
        self.gender = head.gender if head else 0
        self.person = head.person if head else False

    def form(self, feature: str) -> str:
        return self._template.render(self._context, self._rng, feature)


class Quantity(Composed):
    """An indefinite phrase: some languages mark its case differently (`indefinite` of the data)."""

    __slots__ = ("_cases",)

    def __init__(
        self,
        template: Template,
        context: Mapping[str, Word],
        rng: Random,
        head: Word,
        cases: Mapping[str, str],
    ) -> None:
        super().__init__(template, context, rng, head)
        self._cases = cases

    def form(self, feature: str) -> str:
        return super().form(self._cases.get(feature, feature))


def literal_text(value: Scalar) -> str:
    """A value as a question writes it: text as stored, numbers as in the query."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def is_plain_name(text: str) -> bool:
    """Whether a text can stand without quotes: a few words, the first with a capital or digit."""
    return (
        0 < len(text) <= 40
        and text.count(" ") <= 3
        and (text[0].isupper() or text[0].isdigit())
        and text[-1].isalnum()
        and not any(sign in text for sign in "'\"?!;:,()")
    )
