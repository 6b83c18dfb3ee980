"""Runs that differ only by their seed: training, summary and comparison."""
