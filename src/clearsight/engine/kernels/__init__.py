"""Kernels in C for what torch has no fast operation for; where there is none, torch is used."""
