"""Adapter fusion (arXiv 2601.16097): the stacked adapter, previews, the gate and fused decoding."""
