"""The embedded default model: its tokenizer, its wiring and its training. Knows nothing of serving."""
