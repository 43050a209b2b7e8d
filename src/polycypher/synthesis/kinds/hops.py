"""`Hop`: a relationship pattern, one end of which is asked for; most kinds on relationships begin with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, NamedTuple

from polycypher.schema import Pattern
from polycypher.synthesis.kinds.conditions import add_condition
from polycypher.synthesis.kinds.scene import Draft, Node, Scene, arrow
from polycypher.synthesis.plan import Modifier, Plan, Scalar
from polycypher.synthesis.values import Step, Walk, as_scalar


@dataclass(frozen=True, slots=True)
class Hop:
    """A pattern, and whether it is its start that is asked for or its end."""

    pattern: Pattern
    start_asked: bool

    @property
    def asked(self) -> str:
        """The label asked for."""
        return self.pattern.start if self.start_asked else self.pattern.end

    @property
    def other(self) -> str:
        """The label at the other end."""
        return self.pattern.end if self.start_asked else self.pattern.start

    @property
    def role(self) -> str:
        """The role of the relation that describes the end asked for, by one node at the other end."""
        return "start" if self.start_asked else "end"

    @property
    def role_of_many(self) -> str:
        """The same by several nodes at the other end."""
        return "start" if self.start_asked else "end_many"

    @property
    def slot(self) -> str:
        """The slot for the other end in the words of a role: object or subject."""
        return "o" if self.start_asked else "s"

    def text(self, asked: str, other: str, var: str = "", properties: str = "") -> str:
        """The path between two node patterns, always written from the start of the relationship."""
        left, right = (asked, other) if self.start_asked else (other, asked)
        return left + arrow(self.pattern, True, var, properties) + right


def about_a_hop(maker: Callable[[Scene, Hop], Plan | None]) -> Callable[[Scene], Plan | None]:
    """The kind that draws a hop for `maker`; it makes no plan where the schema has no relationship."""

    @wraps(maker)
    def kind(scene: Scene) -> Plan | None:
        if not scene.patterns:
            return None
        return maker(scene, Hop(scene.one(scene.patterns), scene.chance(0.5)))

    return kind


class NamedHop(NamedTuple):
    """A draft with both ends of a hop, of which the other one, `near`, is named by `value`."""

    draft: Draft
    near: Node
    far: Node
    value: Scalar
    walk: Walk


def named_hop(scene: Scene, hop: Hop) -> NamedHop | None:
    """A hop from one node that has a name; None if there is none."""
    walk = scene.values.walk([Step(hop.pattern, not hop.start_asked)], scene.rng)
    value = as_scalar(walk.nodes[0].get(scene.main(hop.other))) if walk else None
    if walk is None or value is None:
        return None
    draft = Draft()
    near = draft.node(hop.other)
    near.inline[scene.main(hop.other)] = value
    return NamedHop(draft, near, draft.node(hop.asked), value, walk)


def maybe_condition(
    scene: Scene,
    probability: float,
    node: Node,
    where: list[str],
    values: Mapping[str, Any] | None = None,
) -> tuple[Modifier, ...]:
    """With that probability a condition on `node`, not on its main property; see `add_condition`."""
    if not scene.chance(probability):
        return ()
    condition = add_condition(scene, node, where, {scene.main(node.label)}, values)
    return () if condition is None else (condition,)
