"""Kinds about the properties of relationships: of one, of all of a type, averages and the best ends."""

from __future__ import annotations

from polycypher.schema import Pattern
from polycypher.synthesis.kinds.scene import NUMERIC, Draft, Scene, arrow, quoted
from polycypher.synthesis.kinds.single import small
from polycypher.synthesis.plan import (
    MentionSlot,
    NameSlot,
    NounPhrase,
    NumberSlot,
    Plan,
    PropertySlot,
    Slot,
)
from polycypher.synthesis.values import Step, as_scalar


def relationship_property(scene: Scene) -> Plan | None:
    """A property of the relationship between two named nodes, of all of a type, or the ends with the best."""
    kinds = [p for p in scene.patterns if scene.schema.relationship_properties.get(p.type)]
    if not kinds:
        return None
    pattern = scene.one(kinds)
    chosen = scene.one(list(scene.schema.relationship_properties[pattern.type]))
    draft = Draft()
    var = draft.relationship()
    dot = f"{var}.{quoted(chosen)}"
    slots: dict[str, Slot] = {"P": PropertySlot(pattern.type, chosen), "T": NameSlot(pattern.type)}
    turn = scene.rng.random()
    if turn < 0.5:
        walk = scene.values.walk([Step(pattern, True)], scene.rng)
        if walk is None:
            return None
        left, right = draft.node(pattern.start), draft.node(pattern.end)
        ends = [
            as_scalar(known.get(scene.main(n.label)))
            for known, n in zip(walk.nodes, (left, right), strict=True)
        ]
        if ends[0] is None or ends[1] is None:
            return None
        left.inline[scene.main(pattern.start)], right.inline[scene.main(pattern.end)] = ends[0], ends[1]
        draft.parts.append(left.text() + arrow(pattern, True, var) + right.text())
        slots.update(s=MentionSlot(pattern.start, ends[0]), o=MentionSlot(pattern.end, ends[1]))
        return Plan("relationship_property", draft.query(dot), "prop_rel", slots, pattern)
    if turn < 0.75 and sum(p.type == pattern.type for p in scene.patterns) == 1:
        draft.parts.append(f"(:{quoted(pattern.start)}){arrow(pattern, True, var)}(:{quoted(pattern.end)})")
        if scene.chance(0.5):
            return Plan("relationship_distinct", draft.query(f"DISTINCT {dot}"), "rel_distinct", slots)
        return Plan("relationship_list", draft.query(dot), "rel_list", slots)
    if scene.kind(pattern.type, chosen) not in NUMERIC or pattern.start == pattern.end:
        return None
    return _numbers(scene, draft, pattern, var, slots)


def _numbers(scene: Scene, draft: Draft, pattern: Pattern, var: str, slots: dict[str, Slot]) -> Plan | None:
    """Ends by the value itself, or average and total of it: for one node, or the k best."""
    chosen = slots["P"]
    assert isinstance(chosen, PropertySlot)
    dot = f"{var}.{quoted(chosen.name)}"
    start_asked, count = scene.chance(0.4), small(scene, 2)
    left, right = draft.node(pattern.start), draft.node(pattern.end)
    node = left if start_asked else right
    main = scene.main(node.label)
    function = "avg" if scene.chance(0.6) else "sum"
    turn = scene.rng.random()
    if turn < 0.35:
        walk = scene.values.walk([Step(pattern, start_asked)], scene.rng)
        value = as_scalar(walk.nodes[0].get(main)) if walk else None
        if value is None:
            return None
        node.inline[main] = value
        slots["m"] = MentionSlot(node.label, value)
        draft.parts.append(left.text() + arrow(pattern, True, var) + right.text())
        return Plan(f"relationship_{function}", draft.query(f"{function}({dot})"), f"rel_{function}", slots)
    draft.parts.append(left.text() + arrow(pattern, True, var) + right.text())
    slots.update(np=NounPhrase(node.label), k=NumberSlot(count))
    if turn < 0.7:
        shown, down, frame = f"{function}({dot})", True, f"rel_top_{function}"
    else:
        down = scene.chance(0.65)
        shown, frame = dot, "rel_top" if down else "rel_bottom"
    tail = f" ORDER BY {shown}{' DESC' if down else ''} LIMIT {count}"
    return Plan("relationship_top", draft.query(f"{node.dot(main)}, {shown}", tail), frame, slots)
