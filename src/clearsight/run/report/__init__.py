"""A run's report, composed from its files and its network."""
