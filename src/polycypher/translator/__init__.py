"""The saved bundle, and `Translator`: question and schema to Cypher and weights. Knows no database."""
