"""Save a training between two batches, and resume it there."""
