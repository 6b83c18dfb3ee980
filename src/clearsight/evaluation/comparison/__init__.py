"""Comparing networks on the same images: two, two per class, over several seeds, best of many."""
