"""Cypher as text: lexer, reading grammar, canonical form, clean-up, read-only guard, grammar for a schema."""
