"""Training one LoRA adapter on a base model: packing, order, settings, loop, checkpoints."""
