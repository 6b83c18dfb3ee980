"""Kernels in C for what torch has no fast operation for; without them torch computes the same."""
