"""Kinds of adapters beside plain LoRA: what equals a plain LoRA, and how the others answer."""
