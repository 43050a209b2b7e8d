"""Question kinds: each turns a scene into a plan, free of language. `KINDS` maps a maker to its weight.

What a query returns follows one convention, so that it can be learnt:

- nodes asked for ("which films", "list the films") → their main property, without DISTINCT;
- a property asked for → that property; "the films and their year" → main property, then the others;
- an order, a top k, "the most", a number for each → main property, then the value that orders or counts;
- "how many" → `count(var)`; "is there any" → `count(var) > 0`; different values → `DISTINCT`;
- "at least one" is a plain pattern, "no" is `NOT EXISTS { … }`, a threshold on a count is
  `WITH node, count(other) AS count WHERE count > n`.
"""

from polycypher.synthesis.kinds.registry import KINDS, plan

__all__ = ["KINDS", "plan"]
