"""The next experiment that a curve suggests, and the commands for it."""
