"""Executing a plan: the run's folder, lock and signals, the training, and its failures."""
