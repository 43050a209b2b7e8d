"""The reading part of Cypher 5 as a grammar: a query's words with their roles, bindings and projections.

A recursive-descent reader. It knows no clause that writes: such a query is an error here like any other
that is not understood. It builds no tree, only a list in the order of the text, because that is all that
writing a query anew and judging it need. It does not check scopes, types or schemas.
"""

from polycypher.cypher.syntax.clauses import read_structure
from polycypher.cypher.syntax.structure import Binding, BindingKind, Item, Projection, Role, Structure, Word

__all__ = ["Binding", "BindingKind", "Item", "Projection", "Role", "Structure", "Word", "read_structure"]
