"""A run: one training with its folder. The only part that composes all those above it."""
