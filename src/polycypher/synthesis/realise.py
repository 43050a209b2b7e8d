"""Say a plan in a language: choose a template, fill its slots, mend the joins.

Knows nothing of how a plan was made, nor any language by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from polycypher.schema import Pattern
from polycypher.synthesis.language import (
    VERBATIM,
    Language,
    NameWord,
    PropertyWord,
    RelationWords,
    verbatim,
)
from polycypher.synthesis.lexicon import Lexicon
from polycypher.synthesis.morphology import Noun
from polycypher.synthesis.plan import (
    LabelSlot,
    MentionSlot,
    Modifier,
    NameSlot,
    NounPhrase,
    NumberSlot,
    PairSlot,
    Plan,
    PropertySlot,
    QuantitySlot,
    Scalar,
    Slot,
    TheirSlot,
    ValueSlot,
)
from polycypher.synthesis.template import Template, Word
from polycypher.synthesis.words import Composed, Many, Phrase, Quantity, Text, is_plain_name, literal_text

RAW_NAME_RATE = 0.12
"""How often a property with a translation is called by its name in the schema instead."""


class Realiser:
    """Says plans about one lexicon in one language."""

    def __init__(self, language: Language, lexicon: Lexicon, rng: Random) -> None:
        self._language = language
        self._lexicon = lexicon
        self._rng = rng
        self._empty = Text(language, "", "word")

    def question(self, plan: Plan) -> str:
        """The question of `plan`. Raises `KeyError` if the language has no frame of that name."""
        plan = self._sayable(plan)
        context: dict[str, Word] = {"how": self._empty}
        template = self._listing(plan, context) if plan.frame in ("list", "count") else None
        if template is None:
            for name, slot in plan.slots.items():
                self._add(context, name, slot)
            template = self._pick(self._frame(plan, context))
        text = template.render(context, self._rng)
        return _capital(mend(text, self._language).strip(), self._language.upper).replace(VERBATIM, "")

    # ------------------------------------------------------------------ choosing

    def _sayable(self, plan: Plan) -> Plan:
        """A relation with no question of its own for `ask_start`, … is asked through a noun phrase."""
        if plan.relation is None:
            return plan
        words = self._relation(plan.relation)
        if plan.frame in words and ("how" not in plan.slots or fit_for_how(words.role(plan.frame))):
            return plan
        question, _, role = plan.frame.partition("_")
        phrase = plan.slots["np"]
        if question not in ("ask", "count") or not isinstance(phrase, NounPhrase):
            return plan
        inner = {name: slot for name, slot in plan.slots.items() if name != "np"}
        asked = NounPhrase(phrase.label, (Modifier(role, inner, plan.relation), *phrase.modifiers))
        frame = "list" if question == "ask" else "count"
        return Plan(plan.kind, plan.cypher, frame, {"np": asked})

    def _pick(self, choices: list[Template]) -> Template:
        return choices[int(self._rng.random() * len(choices))]

    def _frame(self, plan: Plan, context: dict[str, Word]) -> list[Template]:
        language = self._language
        if plan.relation is not None:
            words = self._relation(plan.relation)
            if words.name is not None:
                context["v"] = words.name
            if plan.frame in words:
                found = words.role(plan.frame)
                return fit_for_how(found) if "how" in plan.slots else found
        return self._special(language.frames, plan.frame, context)

    def _listing(self, plan: Plan, context: dict[str, Word]) -> Template | None:
        """A "which …?" question, where the condition is the predicate; None for the plain frames."""
        phrase, frames = plan.slots["np"], self._language.frames
        if not isinstance(phrase, NounPhrase) or (phrase.modifiers and self._rng.random() < 0.5):
            return None
        head = self._noun(phrase.label)
        context["E"] = context["np"] = head
        context["mods"] = self._empty
        self._add_apart(context, "np", head)
        counting = plan.frame == "count"
        if not phrase.modifiers:
            return self._pick(frames["count" if counting else "list_all"])
        if len(phrase.modifiers) == 1 and not counting:
            modifier = phrase.modifiers[0]
            if modifier.relation is None and f"which_{modifier.name}" in frames:
                for name, slot in modifier.slots.items():
                    self._add(context, name, slot)
                return self._pick(self._special(frames, f"which_{modifier.name}", context))
        frame = "count_which" if counting else "which"
        if frame not in frames:
            return None
        said = []
        for modifier in phrase.modifiers:
            inner, choices = self._prepared(modifier, head)
            choices = self._language.predicates(choices)
            if not choices:
                return None
            said.append(self._pick(choices).render(inner, self._rng))
        context["pred"] = Text(self._language, self._language.and_[0].join(said), "word")
        return self._pick(frames[frame])

    def _special(
        self, kept: Mapping[str, list[Template]], name: str, context: Mapping[str, Word]
    ) -> list[Template]:
        """Templates `name`, or the variant for a special phrase of the property (`gt` + `_event`)."""
        word = context.get("P")
        if isinstance(word, PropertyWord) and word.phrases:
            for phrase in word.phrases:
                special = kept.get(f"{name}_{phrase}")
                if special is not None and (name not in kept or self._rng.random() < 0.7):
                    return special
        return kept[name]

    # ------------------------------------------------------------------ words

    def _add(self, context: dict[str, Word], name: str, slot: Slot) -> None:
        if isinstance(slot, TheirSlot):
            words = self._relation(slot.relation)
            noun = self._noun(slot.label)
            inner: dict[str, Word] = {"F": noun, "np": context["np"]}
            if words.name is not None:
                inner["v"] = words.name
            context["F"] = noun
            role = slot.role if slot.role in words else slot.role.replace("own", "their")
            choices = words.role(role)
            context[name] = Composed(self._pick(choices), inner, self._rng, noun)
            return
        word = self._word(slot)
        context[name] = word
        self._add_apart(context, name, word)
        if isinstance(slot, NounPhrase) and isinstance(word, Phrase):
            head = word.head
            context["E" if name == "np" else f"{name}_E"] = head
            context["mods" if name == "np" else f"{name}_mods"] = Text(
                self._language,
                word.form("")[len(head.form("")) :] if not self._language.before else word._before,
                "word",
            )

    def _add_apart(self, context: dict[str, Word], name: str, word: Word, *, many: bool = False) -> None:
        """Slots `name_core` and `name_tail`: a phrase and its clauses, where the language parts them."""
        if self._language.clause:
            core, tail = (word.core, word.tail) if isinstance(word, Phrase) else (word, "")
            context[f"{name}_core"] = Many(core) if many else core
            context[f"{name}_tail"] = Text(self._language, tail, "word")

    def _word(self, slot: Slot) -> Word:
        language, rng = self._language, self._rng
        match slot:
            case NounPhrase():
                return self._phrase(slot)
            case LabelSlot(label):
                return self._noun(label)
            case PropertySlot(owner, name):
                return self._property(owner, name)
            case ValueSlot(value):
                return self._value(value)
            case NumberSlot(value):
                return self._number(value)
            case MentionSlot(label, value):
                return self._mention(label, value)
            case QuantitySlot(label, kind, value):
                noun = self._noun(label)
                context: dict[str, Word] = {"k": self._number(value), "E": noun, "np": noun}
                template = self._pick(language.quantities[kind])
                return Quantity(template, context, rng, noun, {} if kind == "same" else language.indefinite)
            case PairSlot(first, second, kind):
                left, right = self._word(first), self._word(second)
                return Composed(
                    self._pick(language.pairs[kind]), {"a": left, "b": right, "np": left}, rng, left
                )
            case NameSlot(name):
                return NameWord(verbatim(name))
            case TheirSlot():
                raise TypeError("a TheirSlot is filled with its phrase `np`")  # see `_add`
            case Modifier():
                return Text(language, self._modifier(slot, None), "word")

    def _noun(self, label: str) -> Noun:
        concept = self._lexicon.labels.get(label)
        words = self._language.nouns.get(concept) if concept else None
        if not words:
            words = self._language.raw_noun(label)
        # The first word of an entry is the usual one, the rest are synonyms.
        return (
            words[0]
            if len(words) == 1 or self._rng.random() < 0.6
            else words[int(self._rng.random() * len(words))]
        )

    def _property(self, owner: str, name: str) -> PropertyWord:
        concept = self._lexicon.properties.get((owner, name))
        words = self._language.properties.get(concept) if concept else None
        if not words or self._rng.random() < RAW_NAME_RATE:
            words = self._language.raw_property(name)
        return words[int(self._rng.random() * len(words))]

    def _relation(self, pattern: Pattern) -> RelationWords:
        concept = self._lexicon.relationships.get(pattern)
        return self._language.relation(concept) or self._language.raw_relation(pattern.type)

    def _number(self, value: int) -> Text:
        word = self._language.number_words.get(value)
        if word is not None and self._rng.random() < 0.4:
            return Text(self._language, word, "word")
        return Text(self._language, str(value), "value")

    def _value(self, value: Scalar) -> Text:
        language = self._language
        text = literal_text(value)
        if not isinstance(value, str):
            return Text(language, text, "value")
        if not is_plain_name(text) or self._rng.random() < 0.45:
            opening, closing = language.quotes[int(self._rng.random() * len(language.quotes))]
            if closing in text:
                opening = closing = '"' if "'" in text else "'"
            return Text(language, f"{opening}{text}{closing}", "quoted", text)
        return Text(language, text, "value")

    def _mention(self, label: str, value: Scalar) -> Word:
        noun = self._noun(label)
        text = self._value(value)
        kind = "number"
        if isinstance(value, str):
            kind = "plain" if text.text == text.plain else "quoted"
        context: dict[str, Word] = {"v": text, "E": noun, "np": noun}
        return Composed(
            self._pick(self._language.mentions[f"{kind}_person" if noun.person else kind]),
            context,
            self._rng,
            noun,
        )

    # ------------------------------------------------------------------ phrases

    def _phrase(self, slot: NounPhrase) -> Phrase:
        language = self._language
        head = self._agent(slot) or self._noun(slot.label)
        if not slot.modifiers:
            return Phrase(head, "", "")
        said = [self._modifier(modifier, head) for modifier in slot.modifiers]
        if language.before:
            return Phrase(head, self._joined(said) + " ", "")
        clauses = [text for text in said if language.clause and text.startswith(language.clause)]
        others = [text for text in said if text not in clauses]
        after, tail = (f" {self._joined(texts)}" if texts else "" for texts in (others, clauses))
        return Phrase(head, "", after, tail)

    def _joined(self, said: list[str]) -> str:
        text = said[0]
        for other in said[1:]:
            text += self._language.and_[int(self._rng.random() * len(self._language.and_))] + other
        return text

    def _agent(self, slot: NounPhrase) -> Noun | None:
        """Now and then the noun for who does what the first modifier says: directors, who directed."""
        if slot.modifiers and slot.modifiers[0].name in ("start", "some_start") and self._rng.random() < 0.3:
            relation = slot.modifiers[0].relation
            agents = self._relation(relation).agent if relation is not None else ()
            if agents:
                return agents[int(self._rng.random() * len(agents))]
        return None

    def _modifier(self, modifier: Modifier, head: Noun | None) -> str:
        context, choices = self._prepared(modifier, head)
        return self._pick(choices).render(context, self._rng)

    def _prepared(self, modifier: Modifier, head: Noun | None) -> tuple[dict[str, Word], list[Template]]:
        """The slots of a modifier and the templates that can say it."""
        context: dict[str, Word] = {"how": self._empty}
        for name, slot in modifier.slots.items():
            word, many = self._word(slot), isinstance(slot, NounPhrase)
            context[name] = Many(word) if many else word
            self._add_apart(context, name, word, many=many)
        if head is not None:
            context["np"] = head
        if modifier.relation is not None:
            words = self._relation(modifier.relation)
            if words.name is not None:
                context["v"] = words.name
            found = words.role(modifier.name)
            return context, fit_for_how(found) if "how" in modifier.slots else found
        return context, self._special(self._language.modifiers, modifier.name, context)


def fit_for_how(templates: list[Template]) -> list[Template]:
    """Those of a relation's templates with a place for a condition on the relationship (the slot `how`)."""
    return [template for template in templates if "how" in template.slots]


def mend(text: str, language: Language) -> str:
    """`text` with its contractions made where the templates mark them by `~`, and single spaces."""
    if "~" in text:
        for pattern, replacement in language.sandhi:
            text = pattern.sub(replacement, text)
        text = text.replace("~", "")
    return " ".join(text.split()) if "  " in text else text


def _capital(text: str, upper: Mapping[str, str]) -> str:
    """The first letter upper-case, unless a stored value in quotes comes first."""
    for index, letter in enumerate(text):
        if letter.isalpha():
            return text[:index] + upper.get(letter, letter.upper()) + text[index + 1 :]
        if letter.isdigit() or letter == VERBATIM or letter in "'\"“„«‘":
            return text
    return text
