"""Resuming a run: what may change, from which checkpoint, and what has changed."""
