"""Kinds along relationships: one, two and three hops, either direction, shared ends, properties of ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from polycypher.schema import Pattern
from polycypher.synthesis.kinds.conditions import add_condition
from polycypher.synthesis.kinds.hops import Hop, about_a_hop, maybe_condition, named_hop
from polycypher.synthesis.kinds.scene import NUMERIC, Draft, Node, Scene, arrow, literal, quoted
from polycypher.synthesis.kinds.single import small
from polycypher.synthesis.plan import (
    MentionSlot,
    Modifier,
    NounPhrase,
    NumberSlot,
    Plan,
    PropertySlot,
    Slot,
    ValueSlot,
)
from polycypher.synthesis.values import Step, as_scalar


def how(
    scene: Scene, draft: Draft, pattern: Pattern, known: Mapping[str, Any]
) -> tuple[Modifier, str, str] | None:
    """A condition on the relationship: its phrase, its variable if it needs one, its inline properties."""
    named = list(scene.schema.relationship_properties.get(pattern.type, {}))
    if not named:
        return None
    chosen = scene.one(named)
    value = known.get(chosen)
    slot = PropertySlot(pattern.type, chosen)
    kind = scene.kind(pattern.type, chosen)
    var = draft.relationship()
    dot = f"{var}.{quoted(chosen)}"
    if kind == "LIST":
        items = [item for item in value or () if isinstance(item, str) and item]
        if not items:
            return None
        item = scene.one(items)
        draft.where.append(f"{literal(item)} IN {dot}")
        return Modifier("how_in", {"P": slot, "v": ValueSlot(item)}), var, ""
    if kind not in NUMERIC or not isinstance(value, int | float):
        return None
    turn = scene.rng.random()
    if turn < 0.3:
        return (
            Modifier("how_eq", {"P": slot, "v": ValueSlot(value)}),
            "",
            f" {{{quoted(chosen)}: {literal(value)}}}",
        )
    up = turn < 0.75
    step = max(1, abs(int(value)) // 10)
    bound = value - step if up else value + step
    bound = round(bound, 1) if isinstance(bound, float) else bound
    modifier = Modifier("how_gt" if up else "how_lt", {"P": slot, "v": ValueSlot(bound)})
    draft.where.append(f"{dot} {'>' if up else '<'} {literal(bound)}")
    return modifier, var, ""


@about_a_hop
def hop(scene: Scene, hop: Hop) -> Plan | None:
    """Who or what is related to one named node."""
    named = named_hop(scene, hop)
    if named is None:
        return None
    draft, near, far, value, walk = named
    condition = how(scene, draft, hop.pattern, walk.relationships[0]) if scene.chance(0.5) else None
    slots: dict[str, Slot] = {hop.slot: MentionSlot(hop.other, value)}
    modifiers: list[Modifier] = []
    frame_turn = scene.rng.random()
    if condition is None and frame_turn > 0.55 and scene.chance(0.35):
        extra = add_condition(scene, far, draft.where, set(), walk.nodes[1])
        if extra is not None:
            modifiers.append(extra)
    said, var, inside = condition or (None, "", "")
    draft.parts.append(hop.text(far.text(), near.text(), var, inside))
    if said is not None:
        slots["how"] = said
    main = far.dot(scene.main(hop.asked))
    if frame_turn < 0.45 and not modifiers:
        slots["np"] = NounPhrase(hop.asked)
        return Plan("hop", draft.query(main), f"ask_{hop.role}", slots, hop.pattern)
    phrase = NounPhrase(hop.asked, (Modifier(hop.role, slots, hop.pattern), *modifiers))
    return about(scene, draft, far, phrase, "hop", main)


def about(
    scene: Scene, draft: Draft, node: Node, phrase: NounPhrase, kind: str, main: str, *, counting: bool = True
) -> Plan:
    """One of the things to ask about the nodes of a phrase: list, count, property, order, first k."""
    turn = scene.rng.random()
    label = node.label
    others = scene.properties(label, main=False)
    numbers = [n for n in scene.properties(label, NUMERIC) if n != scene.main(label)]
    slots: dict[str, Slot] = {"np": phrase}
    if turn < 0.42 or (turn < 0.75 and not others):
        return Plan(kind, draft.query(main), "list", slots)
    if turn < 0.56 and counting:
        return Plan(f"{kind}_count", draft.query(f"count({node.var})"), "count", slots)
    if turn < 0.66:
        chosen = scene.one(others) if others else scene.main(label)
        slots["P"] = PropertySlot(label, chosen)
        return Plan(f"{kind}_property", draft.query(node.dot(chosen)), "prop_of", slots)
    if turn < 0.74:
        chosen = scene.one(others) if others else scene.main(label)
        slots["P"] = PropertySlot(label, chosen)
        return Plan(
            f"{kind}_name_and_property", draft.query(f"{main}, {node.dot(chosen)}"), "name_and_prop", slots
        )
    if turn < 0.82:
        count = small(scene, 2)
        slots["k"] = NumberSlot(count)
        return Plan(f"{kind}_first", draft.query(main, f" LIMIT {count}"), "first", slots)
    if not numbers:
        return Plan(kind, draft.query(main), "list", slots)
    chosen = scene.one(numbers)
    slots["P"] = PropertySlot(label, chosen)
    dot = node.dot(chosen)
    if turn < 0.92:
        down = scene.chance(0.6)
        word = "top" if down else "bottom"
        order = f" ORDER BY {dot}{' DESC' if down else ''}"
        if scene.chance(0.4):
            return Plan(
                f"{kind}_{word}1", draft.query(f"{main}, {dot}", f"{order} LIMIT 1"), f"{word}1_of", slots
            )
        count = small(scene, 2)
        slots["k"] = NumberSlot(count)
        return Plan(f"{kind}_{word}", draft.query(f"{main}, {dot}", f"{order} LIMIT {count}"), word, slots)
    function = scene.one(("avg", "sum", "min", "max"))
    return Plan(f"{kind}_{function}", draft.query(f"{function}({dot})"), function, slots)


@about_a_hop
def count_hop(scene: Scene, hop: Hop) -> Plan | None:
    """How many nodes are related to one named node."""
    named = named_hop(scene, hop)
    if named is None:
        return None
    draft, near, far, value, _ = named
    draft.parts.append(hop.text(far.text(), near.text()))
    slots: dict[str, Slot] = {hop.slot: MentionSlot(hop.other, value), "np": NounPhrase(hop.asked)}
    return Plan("count_hop", draft.query(f"count({far.var})"), f"count_{hop.role}", slots, hop.pattern)


def chain(scene: Scene) -> Plan | None:
    """Two or three hops from the nodes asked for to a named or filtered node."""
    if not scene.patterns:
        return None
    length = 3 if scene.chance(0.2) else 2
    label = scene.label()
    steps: list[Step] = []
    for _ in range(length):
        ways = [
            way
            for way in scene.by_label[label]
            if not steps or way[0] != steps[-1].pattern or scene.chance(0.3)
        ]
        if not ways:
            return None
        pattern, forward = scene.one(ways)
        steps.append(Step(pattern, forward))
        label = pattern.end if forward else pattern.start
    walk = scene.values.walk(steps, scene.rng)
    if walk is None:
        return None
    draft = Draft()
    labels = [steps[0].pattern.start if steps[0].forward else steps[0].pattern.end]
    labels.extend(step.pattern.end if step.forward else step.pattern.start for step in steps)
    nodes = [draft.node(name_) for name_ in labels]
    last = nodes[-1]
    phrase: Slot
    if scene.chance(0.75):
        value = as_scalar(walk.nodes[-1].get(scene.main(last.label)))
        if value is None:
            return None
        last.inline[scene.main(last.label)] = value
        phrase = MentionSlot(last.label, value)
    else:
        modifier = add_condition(scene, last, draft.where, {scene.main(last.label)}, walk.nodes[-1])
        if modifier is None:
            return None
        phrase = NounPhrase(last.label, (modifier,))
    for index in range(len(steps) - 1, -1, -1):
        step = steps[index]
        many = isinstance(phrase, NounPhrase)
        role = "start" if step.forward else ("end_many" if many else "end")
        modifier = Modifier(role, {"o" if step.forward else "s": phrase}, step.pattern)
        phrase = NounPhrase(labels[index], (modifier,))
    # Inner nodes need no variable; the asked and the conditioned ones keep theirs.
    text = nodes[0].text()
    for index, step in enumerate(steps):
        text += arrow(step.pattern, step.forward)
        text += nodes[index + 1].text()
    draft.parts.append(text)
    assert isinstance(phrase, NounPhrase)
    return about(scene, draft, nodes[0], phrase, f"hop{length}", nodes[0].dot(scene.main(labels[0])))


@about_a_hop
def filtered_neighbours(scene: Scene, hop: Hop) -> Plan | None:
    """Nodes related to nodes under a condition: "movies directed by people born after 1960"."""
    walk = scene.values.walk([Step(hop.pattern, hop.start_asked)], scene.rng)
    if walk is None:
        return None
    draft = Draft()
    far = draft.node(hop.asked)
    near = draft.node(hop.other)
    modifiers = maybe_condition(scene, 0.3, far, draft.where, walk.nodes[0])
    modifier = add_condition(scene, near, draft.where, {scene.main(hop.other)}, walk.nodes[1])
    if modifier is None:
        return None
    draft.parts.append(far.text() + arrow(hop.pattern, hop.start_asked) + near.text())
    slots: dict[str, Slot] = {hop.slot: NounPhrase(hop.other, (modifier,))}
    # The relation goes last: a condition after it would read as one on the inner noun.
    phrase = NounPhrase(hop.asked, (*modifiers, Modifier(hop.role_of_many, slots, hop.pattern)))
    return about(scene, draft, far, phrase, "filtered_neighbours", far.dot(scene.main(hop.asked)))
