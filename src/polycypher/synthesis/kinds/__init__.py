"""Question kinds: each turns a scene into a plan, language-free. `KINDS` maps a kind's name to its weight."""

from polycypher.synthesis.kinds.registry import KINDS, plan

__all__ = ["KINDS", "plan"]
