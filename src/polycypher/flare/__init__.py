"""FLARE: a target language fused with its source language inside a LoRA (arXiv 2501.06892)."""
