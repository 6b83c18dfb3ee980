"""Keras's optimizers as fused updates."""
