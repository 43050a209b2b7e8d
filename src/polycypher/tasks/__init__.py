"""Tasks of cross-lingual transfer: their files, prompts and scores, one task a file."""
