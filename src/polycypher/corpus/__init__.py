"""Examples: one query with parallel questions; readers and the prompt."""
