"""Training one adapter on a base model: kinds, packing, order, settings, loop, checkpoints."""
